"""Fills the folder of a bundle; called by scripts/bundle.sh, which installs the program there first.

The folder: saesweep (finds LibTorch, then runs libexec/saesweep), bin/mpirun, lib/ (libraries of the program), openmpi/
(OpenMPI with its plugins and the libraries that only it needs), share/ (prompts, sweeps, licenses).
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from elf import BundleError, Elf, glibc_version
from libraries import OPENMPI, Libraries

HERE = Path(__file__).resolve().parent
HIGHEST_GLIBC = (2, 34)
COMPAT = "libsaesweep_compat.so"
# Drivers of fast networks must match the machine's own, and OpenSHMEM is not used: shared memory and TCP stay.
LEFT_OUT = re.compile(r"lib(ibverbs|rdmacm|fabric|ucp|ucs|uct|psm2|psm_infinipath|oshmem|nl-3|nl-route-3)\.so.*")


def tool(*words: str | Path) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BundleError(f"{' '.join(map(str, words))}: {done.stderr.strip()[-500:]}")
    return done.stdout


def openmpi_folders() -> dict[str, Path]:
    """Where the OpenMPI lies that mpirun and ompi_info of the search path belong to."""
    lines = (line.split(":") for line in tool("ompi_info", "--parsable", "--path", "all").splitlines())
    return {words[1]: Path(words[2]) for words in lines if words[0] == "path"}


def torch_version(torch: Path) -> str:
    """Of the LibTorch whose folder of libraries this is; a wheel and an archive say it in different files."""
    for name, pattern in (("version.py", r"__version__ = '([\d.]+)"), ("build-version", r"([\d.]+)")):
        file = torch.parent / name
        if file.is_file() and (found := re.search(pattern, file.read_text())):
            return found[1].rstrip(".")
    raise BundleError(f"{torch.parent}: neither version.py nor build-version says which LibTorch this is")


class Bundle:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.libraries = Libraries()
        self.sources: list[Path] = []  # whose licenses the bundle must carry

    def copy(self, source: Path, target: str) -> Path:
        copied = self.folder / target
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source.resolve(), copied)
        copied.chmod(copied.stat().st_mode | 0o200)
        self.sources.append(source)
        return copied

    def copy_libraries(self, libraries: dict[str, Path], target: str) -> None:
        for name, place in libraries.items():
            self.copy(place, f"{target}/{name}")

    def program(self) -> dict[str, Path]:
        """Copies the libraries of the program, OpenMPI's apart."""
        program = self.folder / "libexec/saesweep"
        self.libraries.add(program)
        if self.libraries.torch is None:
            raise BundleError(f"{program} does not need libtorch_cpu.so; it is not a saesweep")
        found = self.libraries.closure([program], without=OPENMPI)
        self.copy_libraries(found, "lib")
        return found

    def openmpi(self, found: dict[str, Path]) -> None:
        """Copies OpenMPI: libraries that the program's do not hold already, plugins, start-up programs, help texts."""
        folders = openmpi_folders()
        starters = [folders["bindir"] / "orterun", folders["bindir"] / "orted"]
        plugins = sorted(folders["pkglibdir"].glob("mca_*.so"))
        for file in (*starters, *plugins):
            if not file.exists():
                raise BundleError(f"{file}: not there; an OpenMPI 4.x is needed, with its ompi_info in the search path")
            self.libraries.add(file)
        plugins = [file for file in plugins if not any(map(LEFT_OUT.fullmatch, self.libraries.closure([file])))]
        of_openmpi = self.libraries.closure([self.folder / "libexec/saesweep", *starters, *plugins])
        if pmix := next((place.resolve().parent for name, place in of_openmpi.items() if "libpmix.so" in name), None):
            pmix_plugins = sorted((pmix / "pmix").glob("*.so"))
            for file in pmix_plugins:
                self.libraries.add(file)
                self.copy(file, f"openmpi/pmix/lib/pmix/{file.name}")
            of_openmpi |= self.libraries.closure(pmix_plugins)
            shutil.copytree(pmix.parent / "share/pmix", self.folder / "openmpi/pmix/share/pmix")
        self.copy_libraries({name: place for name, place in of_openmpi.items() if name not in found}, "openmpi/lib")
        for file in plugins:
            self.copy(file, f"openmpi/lib/openmpi/{file.name}")
        self.copy(starters[0], "openmpi/bin/orterun")
        self.copy(starters[1], "openmpi/libexec/orted")
        for part, name in (("pkgdatadir", "share"), ("sysconfdir", "etc")):
            shutil.copytree(folders[part], self.folder / "openmpi" / name)

    def files(self) -> list[Path]:
        return sorted(
            file
            for file in self.folder.rglob("*")
            if file.is_file() and not file.is_symlink() and file.open("rb").read(4) == b"\x7fELF"
        )

    def lower_versions(self) -> None:
        """Rids every file of needs above HIGHEST_GLIBC; those that had some take the compatibility library."""
        compat = self.folder / "lib" / COMPAT
        tool("cc", "-O2", "-Wall", "-shared", "-fPIC", f"-Wl,-soname,{COMPAT}", "-o", compat, HERE / "compat.c")
        provided = {line.split()[-1] for line in tool("nm", "-D", "--defined-only", compat).splitlines()}
        for file in self.files():
            if file != compat and (lowered := Elf(file).lower(HIGHEST_GLIBC, provided)):
                tool("patchelf", "--add-needed", COMPAT, file)
                print(f"{file.relative_to(self.folder)}: {' '.join(lowered)} from {COMPAT} where glibc has none")

    def set_paths(self) -> None:
        """Lets every file find its libraries in the bundle first, whatever LD_LIBRARY_PATH says."""
        for file in self.files():
            folders = [self.folder / "lib"]
            if "openmpi" in file.relative_to(self.folder).parts:
                folders.insert(0, self.folder / "openmpi/lib")
            words = [f"$ORIGIN/{os.path.relpath(folder, file.parent)}" for folder in folders]
            tool("patchelf", "--force-rpath", "--set-rpath", ":".join(words), file)

    def check(self) -> tuple[int, ...]:
        """The newest glibc that any file needs. Throws BundleError where it is too new, or a library is nowhere."""
        newest: tuple[int, ...] = (0,)
        there = {file.name for file in self.files()}
        for file in self.files():
            elf = Elf(file)
            versions = [version for need in elf.version_needs() if (version := glibc_version(need.name))]
            newest = max([newest, *versions])
            missing = [name for name in elf.needed() if name not in there and not self.libraries.is_elsewhere(name)]
            if missing or newest > HIGHEST_GLIBC:
                raise BundleError(f"{file}: needs {' '.join(missing) or newest}, which the machines may lack")
        return newest

    def licenses(self) -> None:
        """Copies what Debian says of the origin and license of every package that a file came from."""
        if shutil.which("dpkg-query") is None:
            return
        places = {str(place) for source in self.sources for place in (source, source.resolve())}
        # Files in /usr/lib are known to dpkg as in /lib where a package put them there before the folders were merged.
        places |= {place.removeprefix("/usr") for place in places} | {f"/usr{place}" for place in places}
        done = subprocess.run(["dpkg-query", "-S", *sorted(places)], capture_output=True, text=True, check=False)
        packages = {line.split(":")[0] for line in done.stdout.splitlines() if not line.startswith("diversion")}
        for package in sorted(packages):
            text = Path("/usr/share/doc") / package / "copyright"
            if text.is_file():
                target = self.folder / "share/licenses" / package
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(text, target)

    def scripts(self) -> None:
        for target in ("saesweep", "bin/mpirun", "openmpi/bin/orted", "libexec/environment", "libexec/torch"):
            (self.folder / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(HERE / f"{Path(target).name}.sh", self.folder / target)
        version = torch_version(self.libraries.torch)
        (self.folder / "share/saesweep/torch-version").write_text(version + "\n")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    bundle = Bundle(parser.parse_args().folder.resolve())
    try:
        bundle.openmpi(bundle.program())
        bundle.lower_versions()
        bundle.set_paths()
        newest = bundle.check()
        bundle.licenses()
        bundle.scripts()
    except BundleError as error:
        print(f"bundle.sh: {error}", file=sys.stderr)
        return 2
    size = sum(file.stat().st_size for file in bundle.folder.rglob("*") if file.is_file()) / 1e6
    glibc = ".".join(map(str, newest))
    print(f"{len(bundle.files())} programs and libraries, {size:.0f} MB, for glibc {glibc} and newer")
    return 0


if __name__ == "__main__":
    sys.exit(main())
