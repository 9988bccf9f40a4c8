#pragma once

#include <filesystem>
#include <functional>
#include <string_view>

namespace saesweep::text {

//! Sees a document's text, which is valid for the call only.
using DocumentVisitor = std::function<void(std::string_view text)>;

//! Calls visit for each document of a file, in order. A file of plain text is one document, byte for byte. Throws
//! TextError where the file is missing, empty, or not UTF-8 (with byte offset and line).
void for_each_document(const std::filesystem::path& path, const DocumentVisitor& visit);

}  // namespace saesweep::text
