#include "text/documents.h"

#include "base/errors.h"
#include "base/files.h"
#include "text/utf8.h"

namespace saesweep::text {

namespace {

MappedFile map_text(const std::filesystem::path& path) {
  try {
    return MappedFile(path);
  } catch (const InputError& error) {
    throw TextError("text", error.what());
  }
}

}  // namespace

void for_each_document(const std::filesystem::path& path, const DocumentVisitor& visit) {
  const MappedFile file = map_text(path);
  const auto bytes = file.bytes();
  if (bytes.empty()) throw TextError(path.string(), "is empty; put it in `exclude`");
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  require_utf8(text, path.string());
  visit(text);
}

}  // namespace saesweep::text
