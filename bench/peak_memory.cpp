#include "peak_memory.h"

#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <malloc.h>

#include <fstream>
#include <string>

namespace saesweep::bench {

namespace {

//! A line of /proc/self/status, given in kB; -1 where there is none.
int64_t status_bytes(const std::string& name) {
  std::ifstream status("/proc/self/status");
  std::string word;
  while (status >> word) {
    if (word != name) continue;
    int64_t kilobytes = -1;
    status >> kilobytes;
    return kilobytes * 1024;
  }
  return -1;
}

c10::DeviceIndex index_of(at::Device device) {
  return device.has_index() ? device.index() : c10::impl::VirtualGuardImpl(device.type()).getDevice().index();
}

c10::CachingDeviceAllocator::Stat allocated(at::Device device) {
  const auto stats = at::getDeviceAllocator(device.type())->getDeviceStats(index_of(device));
  return stats.allocated_bytes[static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE)];
}

}  // namespace

PeakMemory::PeakMemory(at::Device device) : device_(device) {
  if (device.is_cpu()) {
    ::malloc_trim(0);  // freed memory that stays with the process would hide what is held later
    std::ofstream("/proc/self/clear_refs") << 5;  // sets VmHWM to VmRSS
    before_ = status_bytes("VmRSS:");
  } else {
    at::getDeviceAllocator(device.type())->resetPeakStats(index_of(device));
    before_ = allocated(device).current;
  }
}

int64_t PeakMemory::bytes() const {
  if (before_ < 0) return -1;
  return (device_.is_cpu() ? status_bytes("VmHWM:") : allocated(device_).peak) - before_;
}

}  // namespace saesweep::bench
