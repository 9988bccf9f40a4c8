#!/usr/bin/env python3
"""Writes src/text/unicode_tables.h: where Hugging Face tokenizers and this machine's PCRE2 and utf8proc hold different
Unicode versions, so that the same words are cut and the same text is normalized.

    .venv/bin/python scripts/make_unicode_tables.py [--check | --versions]

All code points are compared: the classes letter and number with PCRE2's; how each is reordered and composed in normal
form C with utf8proc's. What utf8proc does not know yet, but the regex engine of Hugging Face calls a letter or a mark,
is listed too, so that a later utf8proc gives the same. --check writes nothing and fails where the file is another; --versions prints what would be compared.
"""

import argparse
import ctypes
import ctypes.util
import subprocess
import sys
from pathlib import Path

import tokenizers
from tokenizers import Regex, normalizers

HEADER = Path(__file__).resolve().parents[1] / "src" / "text" / "unicode_tables.h"
ALL = [chr(i) for i in range(0x110000) if not 0xD800 <= i < 0xE000]
PCRE2_UTF, PCRE2_UCP = 0x00080000, 0x00020000
UTF8PROC_STABLE, UTF8PROC_DECOMPOSE, UTF8PROC_COMPOSE = 1 << 1, 1 << 4, 1 << 3


def library(name):
    path = ctypes.util.find_library(name)
    if path is None:
        sys.exit(f"make_unicode_tables.py: no lib{name} on this machine")
    return ctypes.CDLL(path)


def of_hugging_face(property_):
    """The code points that their regex engine has in a property."""
    outside = normalizers.Replace(Regex(rf"\P{{{property_}}}+"), "")
    found = set()
    for i in range(0, len(ALL), 4096):  # they are slow on long texts
        found.update(outside.normalize_str("".join(ALL[i : i + 4096])))
    return found


def of_pcre2(property_):
    pcre2 = library("pcre2-8")
    pcre2.pcre2_compile_8.restype = pcre2.pcre2_match_data_create_8.restype = ctypes.c_void_p
    pcre2.pcre2_get_ovector_pointer_8.restype = ctypes.POINTER(ctypes.c_size_t)
    expression = rf"\p{{{property_}}}+".encode()
    error, offset = ctypes.c_int(), ctypes.c_size_t()
    code = ctypes.c_void_p(pcre2.pcre2_compile_8(expression, ctypes.c_size_t(len(expression)), PCRE2_UTF | PCRE2_UCP,
                                                 ctypes.byref(error), ctypes.byref(offset), None))  # fmt: skip
    match = ctypes.c_void_p(pcre2.pcre2_match_data_create_8(ctypes.c_uint32(1), None))
    text, found, at = "".join(ALL).encode(), set(), 0
    while pcre2.pcre2_match_8(code, text, ctypes.c_size_t(len(text)), ctypes.c_size_t(at), 0, match, None) > 0:
        begin, at = pcre2.pcre2_get_ovector_pointer_8(match)[:2]
        found.update(text[begin:at].decode())
    return found


class Utf8proc:
    def __init__(self):
        self.utf8proc = library("utf8proc")
        self.utf8proc.utf8proc_version.restype = ctypes.c_char_p
        self.utf8proc.utf8proc_map.restype = ctypes.c_ssize_t

    def version(self):
        return self.utf8proc.utf8proc_version().decode()

    def unknown(self, character):
        return self.utf8proc.utf8proc_category(ord(character)) == 0

    def map(self, texts, option):
        """Each text in a normal form; none holds a NUL, at which they are joined."""
        whole, out = "\0".join(texts).encode(), ctypes.POINTER(ctypes.c_char)()
        length = self.utf8proc.utf8proc_map(whole, ctypes.c_ssize_t(len(whole)), ctypes.byref(out), UTF8PROC_STABLE | option)
        return out[:length].decode().split("\0")


def nfc_of_hugging_face(texts):
    nfc = normalizers.NFC()
    return [text for i in range(0, len(texts), 1024) for text in nfc.normalize_str("\0".join(texts[i : i + 1024])).split("\0")]


def later_than_hugging_face(utf8proc):
    """Code points that utf8proc reorders or composes and Hugging Face's normalizer does not."""
    characters = ALL[1:]
    # A mark shows by changing places with one of the lowest class (1) after it, or of a higher (230) before it.
    marks = [character + "\u0334" for character in characters] + ["\u0301" + character for character in characters]
    # utf8proc 2.8 swallows U+11A7, the place before the first final consonant, after a Hangul syllable without one.
    syllables = ["\uac00" + character for character in characters]
    pairs = [text for text in utf8proc.map(characters, UTF8PROC_DECOMPOSE) if len(text) == 2]
    later = set()
    for texts in (marks, syllables, pairs):
        theirs, ours = nfc_of_hugging_face(texts), utf8proc.map(texts, UTF8PROC_COMPOSE)
        later.update(character for text, a, b in zip(texts, theirs, ours) if a != b for character in text)
    later -= {"\u0334", "\u0301", "\uac00"}
    return later | {character for character in of_hugging_face("L") | of_hugging_face("M") if utf8proc.unknown(character)}


def ranges(characters):
    found = []
    for code_point in sorted(map(ord, characters)):
        if found and found[-1][1] == code_point - 1:
            found[-1][1] = code_point
        else:
            found.append([code_point, code_point])
    return found


def class_text(name, comment, characters):
    words = [rf"\x{{{a:X}}}" if a == b else rf"\x{{{a:X}}}-\x{{{b:X}}}" for a, b in ranges(characters)]
    lines = "".join(f'    R"({"".join(words[i : i + 5])})"\n' for i in range(0, len(words), 5)) or '    ""\n'
    return f"//! {comment}\ninline constexpr const char* {name} =\n{lines[:-1]};\n"


def header():
    utf8proc = Utf8proc()
    letters = of_hugging_face("L") - of_pcre2("L")
    numbers = of_hugging_face("N") - of_pcre2("N")
    later = ranges(later_than_hugging_face(utf8proc))
    rows = "".join(f"    {{0x{a:04X}, 0x{b:04X}}},\n" for a, b in later)
    text = f"""#pragma once

// Made by scripts/make_unicode_tables.py. Do not edit.
// {versions()}

#include <array>
#include <cstdint>

namespace saesweep::text {{

{class_text("kMoreLetters", "Letters to Hugging Face tokenizers that are none to PCRE2; for use in a class.", letters)}
{class_text("kMoreNumbers", "The same of numbers.", numbers)}
struct CodePoints {{
  uint32_t first;
  uint32_t last;
}};

//! Sorted: code points that utf8proc, or one later than this, reorders or composes in normal form C, or is not known to
//! leave alone, and that are starters which compose with nothing to the normalizer of Hugging Face tokenizers.
inline constexpr auto kLaterThanNormalizer = std::to_array<CodePoints>({{
{rows}}});

}}  // namespace saesweep::text
"""
    return subprocess.run(["clang-format", f"--assume-filename={HEADER}"], input=text, capture_output=True, text=True,
                          check=True).stdout  # fmt: skip


def pcre2_version():
    buffer = ctypes.create_string_buffer(64)
    library("pcre2-8").pcre2_config_8(11, buffer)  # PCRE2_CONFIG_VERSION
    return buffer.value.decode().split()[0]


def versions():
    return f"tokenizers {tokenizers.__version__}, PCRE2 {pcre2_version()}, utf8proc {Utf8proc().version()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--versions", action="store_true")
    options = parser.parse_args()
    if options.versions:
        print(versions())
        return
    made = header()
    if not options.check:
        HEADER.write_text(made)
    elif HEADER.read_text() != made:
        sys.exit(f"make_unicode_tables.py: {HEADER} is not what these versions give")


if __name__ == "__main__":
    main()
