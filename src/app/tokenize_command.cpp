#include "app/tokenize_command.h"

#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <charconv>
#include <filesystem>
#include <iostream>
#include <span>

#include "app/arguments.h"
#include "base/errors.h"
#include "base/utf8.h"
#include "mpi/comm.h"
#include "mpi/environment.h"
#include "sweep/store_making.h"
#include "text/documents.h"
#include "text/path_list.h"
#include "text/token_store.h"
#include "text/tokenizer.h"

namespace saesweep::app {

namespace po = boost::program_options;
namespace fs = std::filesystem;

namespace {

constexpr const char* kUsage =
    "saesweep tokenize --tokenizer T --ids < LINES        ids of standard input, one document a line\n"
    "saesweep tokenize --tokenizer T --ids --text FILE... ids of the documents of files, one a line\n"
    "saesweep tokenize --tokenizer T --decode < IDS       text of ids, one document a line\n"
    "[mpirun -n N] saesweep tokenize --tokenizer T --text FILE... -o STORE.tokens\n"
    "                                                     the files as one token store, which [text] train takes\n";

po::options_description describe() {
  po::options_description options("Options");
  options.add_options()("tokenizer", po::value<std::string>(), "tokenizer.json, or the folder it stands in");
  options.add_options()("text", po::value<std::vector<std::string>>()->multitoken(),
                        "files, folders, globs, or @list (a file of paths, one a line)");
  options.add_options()("ids", "print the ids; no end-of-text token is put before them");
  options.add_options()("decode", "print the text of ids; lines end with a zero byte, since texts hold new lines");
  options.add_options()("output,o", po::value<std::string>(), "token store to write (NAME.tokens)");
  options.add_options()("text-key", po::value<std::string>()->default_value("text"), "key of the text in JSON lines");
  options.add_options()("on-bad-line", po::value<std::string>()->default_value("error"),
                        "error, or skip: leave out JSON lines without text");
  options.add_options()("bin-row-tokens", po::value<int64_t>()->default_value(text::ReadOptions().bin_row_tokens),
                        "ids a row of .bin files");
  return options;
}

[[noreturn]] void refuse(const std::string& what) {
  throw ConfigError("saesweep tokenize", what + " (see saesweep tokenize --help)");
}

void check(const po::variables_map& given) {
  if (!given.contains("tokenizer")) refuse("no --tokenizer given");
  if (given.contains("ids") + given.contains("output") + given.contains("decode") != 1) {
    refuse("give one of --ids, --decode and -o STORE");
  }
  if (given.contains("output") && !given.contains("text")) refuse("-o STORE needs --text FILE...");
}

text::ReadOptions read_options(const po::variables_map& given) {
  text::ReadOptions options;
  options.text_key = given["text-key"].as<std::string>();
  const auto on_bad_line = given["on-bad-line"].as<std::string>();
  if (on_bad_line != "error" && on_bad_line != "skip") {
    refuse(fmt::format("--on-bad-line: found '{}', expected error or skip", on_bad_line));
  }
  options.skip_bad_lines = on_bad_line == "skip";
  options.bin_row_tokens = given["bin-row-tokens"].as<int64_t>();
  if (options.bin_row_tokens < 1) {
    refuse(fmt::format("--bin-row-tokens: found {}, expected at least 1", options.bin_row_tokens));
  }
  return options;
}

text::Tokenizer load_tokenizer(const po::variables_map& given) {
  const fs::path path = given["tokenizer"].as<std::string>();
  return text::Tokenizer::load(fs::is_directory(path) ? path / "tokenizer.json" : path);
}

void print_ids(std::span<const uint32_t> ids) {
  std::cout << fmt::format("{}\n", fmt::join(ids, " "));
}

void print_ids_of_lines(const text::Tokenizer& tokenizer) {
  std::string line;
  for (uint64_t number = 1; std::getline(std::cin, line); ++number) {
    require_utf8(line, fmt::format("standard input, line {}", number));
    print_ids(tokenizer.encode(line));
  }
}

void print_ids_of_files(const text::Tokenizer& tokenizer, const std::vector<fs::path>& files,
                        const text::ReadOptions& options) {
  std::string document;
  std::vector<uint32_t> row;
  const text::DocumentSink sink{[&](std::string_view text) { document += text; },
                                [&](std::span<const uint16_t> ids) { row.assign(ids.begin(), ids.end()); },
                                [&] {
                                  print_ids(row.empty() ? tokenizer.encode(document) : row);
                                  document.clear();
                                  row.clear();
                                }};
  for (const auto& part : text::parts_of(files, options)) text::read_documents(part, options, sink);
}

std::vector<uint32_t> ids_of(const std::string& line, uint64_t number) {
  std::vector<uint32_t> ids;
  const char* at = line.data();
  const char* const end = at + line.size();
  while (at != end) {
    if (*at == ' ') {
      ++at;
      continue;
    }
    uint32_t id = 0;
    const auto [rest, error] = std::from_chars(at, end, id);
    if (error != std::errc()) {
      throw TextError(fmt::format("standard input, line {}", number), "expected token ids with spaces between them");
    }
    ids.push_back(id);
    at = rest;
  }
  return ids;
}

void print_texts(const text::Tokenizer& tokenizer) {
  std::string line;
  for (uint64_t number = 1; std::getline(std::cin, line); ++number) {
    std::cout << tokenizer.decode(ids_of(line, number)) << '\0';
  }
}

int write_store(const po::variables_map& given) {
  int argc = 0;
  char** argv = nullptr;
  const mpi::Environment environment(argc, argv);
  const mpi::Comm world = mpi::Comm::world();
  try {
    const fs::path output = fs::absolute(given["output"].as<std::string>());
    if (output.extension() != ".tokens")
      refuse(fmt::format("-o {}: expected a name that ends in .tokens", output.string()));
    const sweep::StoreOrder order{output, text::expand_paths(given["text"].as<std::vector<std::string>>(), "--text"),
                                  load_tokenizer(given), read_options(given)};
    const auto never = [] { return false; };
    sweep::make_store(order, never, world, ProgressLine::detect());
    if (world.is_root()) {
      const auto store = text::TokenStore::open(output);
      fmt::print("{}: {} tokens, {} documents, text {}\n", output.string(), store.n_tokens(), store.documents().size(),
                 store.text_hash().substr(0, 16));
    }
    return static_cast<int>(ExitCode::kDone);
  } catch (const Error& error) {
    // Thrown on all ranks alike: one of them tells.
    if (world.is_root()) fmt::print(stderr, "saesweep: error: {}\n", error.what());
    return static_cast<int>(error.exit_code());
  }
}

}  // namespace

int tokenize_command(const std::vector<std::string>& args) {
  const auto options = describe();
  const auto given = parse_arguments("tokenize", args, options, "");
  if (given.contains("help")) {
    std::cout << help_text(kUsage, options);
    return 0;
  }
  check(given);
  if (given.contains("output")) return write_store(given);
  const auto tokenizer = load_tokenizer(given);
  if (given.contains("decode")) {
    print_texts(tokenizer);
  } else if (given.contains("text")) {
    print_ids_of_files(tokenizer, text::expand_paths(given["text"].as<std::vector<std::string>>(), "--text"),
                       read_options(given));
  } else {
    print_ids_of_lines(tokenizer);
  }
  return 0;
}

}  // namespace saesweep::app
