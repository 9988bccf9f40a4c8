#pragma once

#include <stdexcept>
#include <string>

namespace saesweep {

//! Exit codes of every command (docs/design.md).
enum class ExitCode { kDone = 0, kCellsFailed = 1, kBadInput = 2, kStopped = 3, kInternal = 4 };

//! Base of all errors the program reports as one line; `exit_code` is what the command ends with.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& message) : std::runtime_error(message), exit_code_(code) {}
  ExitCode exit_code() const { return exit_code_; }

 private:
  ExitCode exit_code_;
};

//! What the user gave cannot be used. `where` is a file, `file:line`, or `file: tensor`; the message says
//! what was found and what was expected. Exit code 2.
class InputError : public Error {
 public:
  InputError(const std::string& where, const std::string& what) : Error(ExitCode::kBadInput, where + ": " + what) {}
};

//! A sweep file or a command line that cannot be used.
class ConfigError : public InputError {
  using InputError::InputError;
};

//! A model checkpoint or SAE folder that cannot be used.
class ModelError : public InputError {
  using InputError::InputError;
};

//! Text, or a tokenizer, that cannot be used.
class TextError : public InputError {
  using InputError::InputError;
};

//! An output folder or results file that cannot be used (not writable, no space before the start, another sweep's).
class OutputError : public InputError {
  using InputError::InputError;
};

//! The run cannot go on but can be continued (no space, signal). Exit code 3.
class StoppedError : public Error {
 public:
  explicit StoppedError(const std::string& message) : Error(ExitCode::kStopped, message) {}
};

//! A number that must be finite is not, or a loss diverged: fails its cell, never the sweep.
class NumericError : public Error {
 public:
  explicit NumericError(const std::string& message) : Error(ExitCode::kCellsFailed, message) {}
};

//! A library call (MPI, HDF5, the system) that failed for no fault of the user's input. Exit code 4.
class SystemError : public Error {
 public:
  explicit SystemError(const std::string& message) : Error(ExitCode::kInternal, message) {}
};

}  // namespace saesweep
