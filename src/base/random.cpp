#include "base/random.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/errors.h"
#include "base/hash.h"
#include "base/vectorize.h"

// Compiled without contraction of a*b+c into one rounding (src/CMakeLists.txt): the same bits on every machine.

namespace saesweep {

namespace {

struct Block {
  uint32_t word[4];
};

//! Philox 4x32 with 10 rounds, constants of the reference implementation (Random123).
inline __attribute__((always_inline)) Block philox(Block counter, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; ++round) {
    const uint64_t product0 = uint64_t{0xD2511F53} * counter.word[0];
    const uint64_t product1 = uint64_t{0xCD9E8D57} * counter.word[2];
    counter = {{static_cast<uint32_t>(product1 >> 32) ^ counter.word[1] ^ key0, static_cast<uint32_t>(product1),
                static_cast<uint32_t>(product0 >> 32) ^ counter.word[3] ^ key1, static_cast<uint32_t>(product0)}};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return counter;
}

template <size_t N>
__attribute__((always_inline)) inline double polynomial(const double (&coefficients)[N], double x) {
  double sum = coefficients[N - 1];
  for (size_t i = N - 1; i-- > 0;) sum = sum * x + coefficients[i];
  return sum;
}

//! Natural logarithm of a positive normal number, within about 1e-15 relative: the exponent is split off and the
//! rest summed as 2 atanh(z), z = (m - 1) / (m + 1), m in [sqrt(1/2), sqrt(2)).
double logarithm(double x) {
  const auto bits = std::bit_cast<uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1023;
  double mantissa = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFFULL) | 0x3FF0000000000000ULL);
  if (mantissa > 1.4142135623730951) {
    mantissa *= 0.5;
    ++exponent;
  }
  const double z = (mantissa - 1.0) / (mantissa + 1.0);
  const double z2 = z * z;
  double sum = 0.0;
  for (int n = 23; n >= 3; n -= 2) sum = (sum + 1.0 / n) * z2;
  constexpr double kLn2 = 0.693147180559945309417232121458;
  return exponent * kLn2 + 2.0 * z * (1.0 + sum);
}

constexpr double kCentralA[] = {3.3871328727963666080e0,  1.3314166789178437745e+2, 1.9715909503065514427e+3,
                                1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                3.3430575583588128105e+4, 2.5090809287301226727e+3};
constexpr double kCentralB[] = {1.0,
                                4.2313330701600911252e+1,
                                6.8718700749205790830e+2,
                                5.3941960214247511077e+3,
                                2.1213794301586595867e+4,
                                3.9307895800092710610e+4,
                                2.8729085735721942674e+4,
                                5.2264952788528545610e+3};
constexpr double kMiddleC[] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                               3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                               2.27238449892691845833e-2, 7.74545014278341407640e-4};
constexpr double kMiddleD[] = {1.0,
                               2.05319162663775882187e0,
                               1.67638483018380384940e0,
                               6.89767334985100004550e-1,
                               1.48103976427480074590e-1,
                               1.51986665636164571966e-2,
                               5.47593808499534494600e-4,
                               1.05075007164441684324e-9};
constexpr double kTailE[] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                             2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                             2.71155556874348757815e-5, 2.01033439929228813265e-7};
constexpr double kTailF[] = {1.0,
                             5.99832206555887937690e-1,
                             1.36929880922735805310e-1,
                             1.48753612908506148525e-2,
                             7.86869131145613259100e-4,
                             1.84631831751005468180e-5,
                             1.42151175831644588870e-7,
                             2.04426310338993978564e-15};

bool is_central(double p) {
  return std::abs(p - 0.5) <= 0.425;
}

inline __attribute__((always_inline)) double central_normal(double p) {
  const double q = p - 0.5;
  const double r = 0.180625 - q * q;
  return q * polynomial(kCentralA, r) / polynomial(kCentralB, r);
}

// 52 bits, centred in their interval, so that neither end is reached.
inline __attribute__((always_inline)) double uniform_of(uint64_t bits) {
  return (static_cast<double>(bits >> 12) + 0.5) * 0x1p-52;
}

constexpr size_t kBatch = 512;

//! The uniform values of the kBatch / 2 blocks from `first` on: loops without branches, which the compiler vectorizes.
SAESWEEP_VECTORIZED
void uniform_pairs(uint64_t first, uint32_t key0, uint32_t key1, uint64_t high, double* out) {
  for (size_t i = 0; i < kBatch / 2; ++i) {
    const uint64_t low = first + i;
    const Block block = philox({{static_cast<uint32_t>(low), static_cast<uint32_t>(low >> 32),
                                 static_cast<uint32_t>(high), static_cast<uint32_t>(high >> 32)}},
                               key0, key1);
    out[2 * i] = uniform_of(uint64_t{block.word[0]} << 32 | block.word[1]);
    out[2 * i + 1] = uniform_of(uint64_t{block.word[2]} << 32 | block.word[3]);
  }
}

SAESWEEP_VECTORIZED
void central_normals(const double* p, size_t n, double* out) {
  for (size_t i = 0; i < n; ++i) out[i] = central_normal(p[i]);
}

}  // namespace

Stream::Stream(std::initializer_list<KeyPart> key) {
  Sha256 hash;
  for (const KeyPart& part : key) {
    hash.update(uint64_t{part.index()});
    if (const auto* text = std::get_if<std::string>(&part)) {
      hash.update(uint64_t{text->size()}).update(*text);
    } else if (const auto* number = std::get_if<int64_t>(&part)) {
      hash.update(static_cast<uint64_t>(*number));
    } else {
      hash.update(std::get<uint64_t>(part));
    }
  }
  const Digest digest = hash.finish();
  const auto word = [&](int i) {
    return uint32_t{digest[i]} << 24 | uint32_t{digest[i + 1]} << 16 | uint32_t{digest[i + 2]} << 8 | digest[i + 3];
  };
  key_[0] = word(0);
  key_[1] = word(4);
  high_ = uint64_t{word(8)} << 32 | word(12);
}

uint64_t Stream::bits(uint64_t index) const {
  const uint64_t low = index / 2;
  const Block counter = {{static_cast<uint32_t>(low), static_cast<uint32_t>(low >> 32), static_cast<uint32_t>(high_),
                          static_cast<uint32_t>(high_ >> 32)}};
  const Block block = philox(counter, key_[0], key_[1]);
  const size_t half = (index % 2) * 2;
  return uint64_t{block.word[half]} << 32 | block.word[half + 1];
}

double Stream::uniform(uint64_t index) const {
  return uniform_of(bits(index));
}

double Stream::normal(uint64_t index) const {
  return inverse_normal_cdf(uniform(index));
}

void Stream::normals(uint64_t first, std::span<double> out) const {
  std::array<double, kBatch> p;
  size_t done = 0;
  if (first % 2 != 0 && !out.empty()) {
    out[0] = normal(first);
    done = 1;
  }
  while (done < out.size()) {
    const size_t n = std::min(kBatch, out.size() - done);
    uniform_pairs((first + done) / 2, key_[0], key_[1], high_, p.data());
    central_normals(p.data(), n, out.data() + done);
    for (size_t i = 0; i < n; ++i) {
      if (!is_central(p[i])) out[done + i] = inverse_normal_cdf(p[i]);
    }
    done += n;
  }
}

double inverse_normal_cdf(double p) {
  if (!(p > 0.0 && p < 1.0)) return std::numeric_limits<double>::quiet_NaN();
  if (is_central(p)) return central_normal(p);
  const double q = p - 0.5;
  const double r = std::sqrt(-logarithm(q < 0 ? p : 1.0 - p));
  const double x = r <= 5.0 ? polynomial(kMiddleC, r - 1.6) / polynomial(kMiddleD, r - 1.6)
                            : polynomial(kTailE, r - 5.0) / polynomial(kTailF, r - 5.0);
  return q < 0 ? -x : x;
}

std::vector<uint32_t> permutation(uint64_t n, const Stream& stream) {
  if (n >= uint64_t{1} << 32) throw SystemError("permutation: more than 2^32 rows");
  std::vector<uint32_t> order(n);
  std::iota(order.begin(), order.end(), uint32_t{0});
  for (uint64_t i = n; i > 1; --i) {
    // bits * i / 2^64 in two halves: uniform on 0 .. i-1 but for a bias below i / 2^64.
    const uint64_t random = stream.bits(n - i);
    const uint64_t j = ((random >> 32) * i + (((random & 0xFFFFFFFF) * i) >> 32)) >> 32;
    std::swap(order[i - 1], order[j]);
  }
  return order;
}

}  // namespace saesweep
