#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

// Linked into what the thread sanitizer checks. libgomp is not built with it, so that what begins and ends a parallel
// region orders nothing in its eyes; here it is told: all before a region comes before its threads, and all they do
// before what follows.

namespace {

struct Region {
  void (*body)(void*);
  void* data;
  char begin = 0, end = 0;
};

void run_body(void* place) {
  auto* region = static_cast<Region*>(place);
  __tsan_acquire(&region->begin);
  region->body(region->data);
  __tsan_release(&region->end);
}

using Parallel = void (*)(void (*)(void*), void*, unsigned, unsigned);

}  // namespace

// What compilers make of `#pragma omp parallel`, the only one that ATen's parallel_for has.
// NOLINTNEXTLINE(readability-identifier-naming)
extern "C" void GOMP_parallel(void (*body)(void*), void* data, unsigned n_threads, unsigned flags) {
  static const auto parallel = reinterpret_cast<Parallel>(dlsym(RTLD_NEXT, "GOMP_parallel"));
  Region region{body, data};
  __tsan_release(&region.begin);
  parallel(run_body, &region, n_threads, flags);
  __tsan_acquire(&region.end);
}
