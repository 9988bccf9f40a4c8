#include "app/tokenize_command.h"

#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <filesystem>
#include <iostream>

#include "app/arguments.h"
#include "base/errors.h"
#include "text/documents.h"
#include "text/path_list.h"
#include "text/store_writer.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

namespace saesweep::app {

namespace po = boost::program_options;
namespace fs = std::filesystem;

namespace {

constexpr const char* kUsage =
    "saesweep tokenize --tokenizer T --ids < LINES        ids of standard input, one document a line\n"
    "saesweep tokenize --tokenizer T --ids --text FILE... ids of files, one line each, sorted by path\n"
    "saesweep tokenize --tokenizer T --text FILE... -o STORE\n"
    "                                                     the files as one token store\n";

po::options_description describe() {
  po::options_description options("Options");
  options.add_options()("tokenizer", po::value<std::string>(), "tokenizer.json, or the folder it stands in");
  options.add_options()("text", po::value<std::vector<std::string>>()->multitoken(),
                        "files, folders, globs, or @list (a file of paths, one a line)");
  options.add_options()("ids", "print the ids; no end-of-text token is put before them");
  options.add_options()("output,o", po::value<std::string>(), "token store to write");
  return options;
}

void check(const po::variables_map& given) {
  const auto refuse = [](const char* what) {
    throw ConfigError("saesweep tokenize", fmt::format("{} (see saesweep tokenize --help)", what));
  };
  if (!given.contains("tokenizer")) refuse("no --tokenizer given");
  if (given.contains("ids") == given.contains("output")) refuse("give either --ids or -o STORE");
  if (given.contains("output") && !given.contains("text")) refuse("-o STORE needs --text FILE...");
}

text::Tokenizer load_tokenizer(const fs::path& path) {
  return text::Tokenizer::load(fs::is_directory(path) ? path / "tokenizer.json" : path);
}

void print_ids(const std::vector<uint32_t>& ids) {
  std::cout << fmt::format("{}\n", fmt::join(ids, " "));
}

void print_ids_of_lines(const text::Tokenizer& tokenizer) {
  std::string line;
  for (uint64_t number = 1; std::getline(std::cin, line); ++number) {
    text::require_utf8(line, fmt::format("standard input, line {}", number));
    print_ids(tokenizer.encode(line));
  }
}

void print_ids_of_files(const text::Tokenizer& tokenizer, const std::vector<fs::path>& files) {
  for (const auto& file : files) {
    text::for_each_document(file, [&](std::string_view text) { print_ids(tokenizer.encode(text)); });
  }
}

void write_store(const text::Tokenizer& tokenizer, const std::vector<fs::path>& files, const fs::path& output) {
  text::StoreWriter writer(output, tokenizer);
  for (const auto& file : files) {
    text::for_each_document(file, [&](std::string_view text) { writer.add(text); });
  }
  const std::string hash = writer.commit();
  std::cout << fmt::format("{}: {} tokens, text {}\n", output.string(), writer.n_tokens(), hash.substr(0, 16));
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
  const auto tokenizer = load_tokenizer(given["tokenizer"].as<std::string>());
  if (!given.contains("text")) {
    print_ids_of_lines(tokenizer);
    return 0;
  }
  const auto files = text::expand_paths(given["text"].as<std::vector<std::string>>(), "--text");
  if (given.contains("ids")) {
    print_ids_of_files(tokenizer, files);
  } else {
    write_store(tokenizer, files, given["output"].as<std::string>());
  }
  return 0;
}

}  // namespace saesweep::app
