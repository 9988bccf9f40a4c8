#include "model/compute.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <c10/util/Exception.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <malloc.h>
#include <torch/csrc/api/include/torch/version.h>

#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <new>
#include <optional>
#include <string_view>

#include "base/errors.h"

namespace saesweep::model {
namespace {

//! Loads LibTorch's CUDA part from beside its CPU part: the program is linked to the latter alone, so that it runs
//! where the former is not there. Returns why it cannot be loaded, or "".
std::string load_cuda() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<void*>(&at::globalContext), &info) == 0) return "LibTorch was not found";
  const auto library = std::filesystem::path(info.dli_fname).parent_path() / "libtorch_cuda.so";
  if (!std::filesystem::exists(library)) return "this LibTorch was built without CUDA";
  return ::dlopen(library.c_str(), RTLD_NOW | RTLD_GLOBAL) == nullptr ? ::dlerror() : "";
}

//! The driver's library, or null. Never closed: LibTorch uses it.
void* driver() {
  return ::dlopen("libcuda.so.1", RTLD_NOW);
}

template <typename Function>
Function* driver_function(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(driver(), name));
}

//! The driver's handle of a CUDA device; nothing for others, and where the driver does not say.
std::optional<int> driver_handle(at::Device device) {
  if (!device.is_cuda() || driver() == nullptr) return std::nullopt;
  auto* const initialize = driver_function<int(unsigned)>("cuInit");
  auto* const get_device = driver_function<int(int*, int)>("cuDeviceGet");
  int handle = 0;
  if (initialize == nullptr || get_device == nullptr || initialize(0) != 0) return std::nullopt;
  return get_device(&handle, device.index()) == 0 ? std::optional(handle) : std::nullopt;
}

at::Device cuda_device(const std::string& name, int index) {
  if (const std::string problem = load_cuda(); !problem.empty()) throw InputError("device " + name, problem);
  const auto n_devices = static_cast<int>(at::getNumGPUs());
  if (n_devices == 0) throw InputError("device " + name, "no CUDA device is on this machine; expected cpu");
  // One workspace: products come out the same in every run. Read when the first is made.
  ::setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8", /*overwrite=*/0);
  if (index >= n_devices) {
    throw InputError("device " + name, fmt::format("expected cpu, or cuda:0 to cuda:{}", n_devices - 1));
  }
  return {at::kCUDA, static_cast<at::DeviceIndex>(index)};
}

}  // namespace

at::Device device_from(const std::string& name) {
  constexpr std::string_view kCuda = "cuda";
  if (name == "cpu") return at::Device(at::kCPU);
  if (name == kCuda) return cuda_device(name, 0);
  int index = -1;
  if (name.starts_with("cuda:")) {
    const char* last = name.data() + name.size();
    const auto [end, error] = std::from_chars(name.data() + kCuda.size() + 1, last, index);
    if (error != std::errc() || end != last) index = -1;
  }
  if (index < 0) throw InputError("device", "found '" + name + "', expected cpu, cuda or cuda:N");
  return cuda_device(name, index);
}

int n_cuda_devices() {
  // Without a driver LibTorch's CUDA part need not be loaded, which takes a second.
  if (driver() == nullptr || !load_cuda().empty()) return 0;
  return static_cast<int>(at::getNumGPUs());
}

std::string device_name(at::Device device) {
  if (!device.is_cuda()) return "";
  const std::optional<int> handle = driver_handle(device);
  auto* const get_name = driver_function<int(char*, int, int)>("cuDeviceGetName");
  char name[256] = "";
  const bool is_known = handle && get_name != nullptr && get_name(name, sizeof name - 1, *handle) == 0;
  return is_known ? name : "CUDA device";
}

uint64_t device_bytes(at::Device device) {
  const std::optional<int> handle = driver_handle(device);
  auto* const get_bytes = driver_function<int(size_t*, int)>("cuDeviceTotalMem_v2");
  size_t bytes = 0;
  const bool is_known = handle && get_bytes != nullptr && get_bytes(&bytes, *handle) == 0;
  return is_known ? bytes : 0;
}

std::string device_place(at::Device device) {
  const std::optional<int> handle = driver_handle(device);
  auto* const get_place = driver_function<int(char*, int, int)>("cuDeviceGetPCIBusId");
  char place[64] = "";
  const bool is_known = handle && get_place != nullptr && get_place(place, sizeof place - 1, *handle) == 0;
  return is_known ? place : "";
}

at::ScalarType dtype_from(const std::string& name, at::Device device) {
  if (name == "float32") return at::kFloat;
  if (name == "bfloat16") return at::kBFloat16;
  if (name == "float16" && device.is_cuda()) return at::kHalf;
  if (name == "float16") {
    throw InputError("dtype", "float16 is computed in on CUDA devices only; on the CPU expected float32 or bfloat16");
  }
  throw InputError("dtype", "found '" + name + "', expected float32, bfloat16, or on CUDA float16");
}

void set_threads(int64_t n_threads) {
  // Tensors of up to hundreds of megabytes (logits) come and go with every batch: memory that the allocator gives back
  // to the system each time costs a page fault for every 4 KB, a tenth of a forward pass with logits.
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  at::set_num_threads(static_cast<int>(n_threads));
  at::set_num_interop_threads(1);
}

void start_thread() {
  at::init_num_threads();
}

bool is_out_of_memory(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return true;
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) return true;
  // The CPU's allocator throws a plain c10::Error.
  return dynamic_cast<const c10::Error*>(&error) != nullptr &&
         std::string_view(error.what()).find("DefaultCPUAllocator: can't allocate memory") != std::string_view::npos;
}

std::string libtorch_version() {
  return TORCH_VERSION;
}

}  // namespace saesweep::model
