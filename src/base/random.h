#pragma once

#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace saesweep {

//! A part of a stream's key: what is drawn, by name or number.
using KeyPart = std::variant<std::string, int64_t, uint64_t>;

//! A random stream without state: value i depends on the key and on i alone, so any part of it can be drawn by
//! any rank or thread in any order. Generator: Philox 4x32-10 (Salmon et al., SC 2011), keyed by SHA-256 of the
//! parts. Thread-safe. Same bits on every machine.
class Stream {
 public:
  Stream(std::initializer_list<KeyPart> key);

  //! 64 uniform bits.
  uint64_t bits(uint64_t index) const;
  //! Uniform in (0, 1), never 0 nor 1.
  double uniform(uint64_t index) const;
  //! Standard normal: the inverse CDF of uniform(index).
  double normal(uint64_t index) const;
  //! normal(first), normal(first + 1), ... into out: the same bits, several times as fast.
  void normals(uint64_t first, std::span<double> out) const;

 private:
  uint32_t key_[2];
  uint64_t high_;
};

//! Inverse of the standard normal CDF, 0 < p < 1, about 16 digits: algorithm AS 241 (Wichura 1988, PPND16), with
//! a logarithm of our own, so that no libm decides the bits. Returns NaN outside (0, 1).
double inverse_normal_cdf(double p);

//! A uniform permutation of 0 .. n-1 (Fisher-Yates on the stream's first n values). n < 2^32.
std::vector<uint32_t> permutation(uint64_t n, const Stream& stream);

}  // namespace saesweep
