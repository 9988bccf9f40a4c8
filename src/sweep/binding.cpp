#include "sweep/binding.h"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/json.h"

namespace saesweep::sweep {

namespace {

constexpr size_t kHostsShown = 16;
constexpr int kMostCores = 8192;

std::vector<int> own_cores() {
  std::vector<int> cores;
  cpu_set_t* set = CPU_ALLOC(kMostCores);
  const size_t bytes = CPU_ALLOC_SIZE(kMostCores);
  CPU_ZERO_S(bytes, set);
  if (::sched_getaffinity(0, bytes, set) == 0) {
    for (int core = 0; core < kMostCores; ++core) {
      if (CPU_ISSET_S(core, bytes, set)) cores.push_back(core);
    }
  }
  CPU_FREE(set);
  return cores;
}

int n_devices_of_host() {
  std::error_code none;
  const std::filesystem::directory_iterator devices("/proc/driver/nvidia/gpus", none);
  return none ? 0 : static_cast<int>(std::distance(begin(devices), end(devices)));
}

//! "0-3,8".
std::string ranges(const std::vector<int>& numbers) {
  std::string text;
  for (size_t first = 0, last = 0; first < numbers.size(); first = last) {
    for (last = first + 1; last < numbers.size() && numbers[last] == numbers[last - 1] + 1;) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", numbers[first]);
    if (last - first > 1) text += fmt::format("-{}", numbers[last - 1]);
  }
  return text;
}

using Ranks = std::vector<int>;

std::map<std::string, Ranks> ranks_of_hosts(std::span<const RankPlace> places) {
  std::map<std::string, Ranks> hosts;
  for (size_t rank = 0; rank < places.size(); ++rank) hosts[places[rank].host].push_back(static_cast<int>(rank));
  return hosts;
}

std::string host_line(const std::string& host, const Ranks& ranks, std::span<const RankPlace> places) {
  const RankPlace& first = places[ranks.front()];
  std::set<std::vector<int>> sets;
  std::set<std::string> devices;
  for (const int rank : ranks) {
    sets.insert(places[rank].cores);
    if (!places[rank].device.empty()) devices.insert(places[rank].device);
  }
  const std::string cores =
      sets.size() == 1 ? fmt::format("all on cores {}", ranges(first.cores))
      : sets.size() == ranks.size()
          ? fmt::format("each on cores of its own, rank {} on {}", ranks.front(), ranges(first.cores))
          : fmt::format("on {} sets of cores, rank {} on {}", sets.size(), ranks.front(), ranges(first.cores));
  const std::string device = devices.empty() ? ""
                                             : fmt::format(", {} of {} CUDA devices", devices.size(),
                                                           std::max<size_t>(first.n_devices, devices.size()));
  const bool is_one = ranks.size() == 1;
  return fmt::format("{}: rank{} {}, {}, {} thread{}{}{}", host, is_one ? "" : "s", ranges(ranks),
                     is_one ? fmt::format("on cores {}", ranges(first.cores)) : cores, first.threads,
                     first.threads == 1 ? "" : "s", is_one ? "" : " each", device);
}

//! Of ranks that may run on the same cores, those that have too few together.
void warn_of_cores(const std::string& host, const Ranks& ranks, std::span<const RankPlace> places,
                   std::vector<std::string>& warnings) {
  std::map<std::vector<int>, Ranks> by_cores;
  for (const int rank : ranks) by_cores[places[rank].cores].push_back(rank);
  for (const auto& [cores, sharing] : by_cores) {
    const int n_threads = places[sharing.front()].threads;
    if (cores.empty() || sharing.size() * n_threads <= cores.size()) continue;
    warnings.push_back(fmt::format(
        "{}: {} {} with {} thread{} {} may run on core{} {} alone; each is slowed down. Give mpirun --bind-to none or "
        "--map-by slot:PE={}, start fewer ranks, or lower [run] threads",
        host, sharing.size() == 1 ? "rank" : "ranks", ranges(sharing), n_threads, n_threads == 1 ? "" : "s",
        sharing.size() == 1 ? "it computes with" : "each", cores.size() == 1 ? "" : "s", ranges(cores), n_threads));
  }
}

void warn_of_devices(const std::string& host, const Ranks& ranks, std::span<const RankPlace> places,
                     std::vector<std::string>& warnings) {
  std::map<std::string, Ranks> by_device;
  for (const int rank : ranks) {
    if (!places[rank].device.empty()) by_device[places[rank].device].push_back(rank);
  }
  const int n_devices = places[ranks.front()].n_devices;
  const auto n_used = static_cast<int>(by_device.size());
  for (const auto& [device, sharing] : by_device) {
    if (sharing.size() < 2 || n_used >= n_devices) continue;
    warnings.push_back(
        fmt::format("{}: ranks {} share the CUDA device {}, while {} of {} devices have no rank; let "
                    "each rank see all devices of its node (CUDA_VISIBLE_DEVICES, --gpus-per-task)",
                    host, ranges(sharing), device, n_devices - n_used, n_devices));
  }
}

}  // namespace

RankPlace own_place(at::Device device, int threads) {
  char host[256] = {};
  ::gethostname(host, sizeof host - 1);
  const std::string place = model::device_place(device);
  const bool is_cuda = device.is_cuda();
  return {host, own_cores(), threads, is_cuda && place.empty() ? device.str() : place,
          is_cuda ? n_devices_of_host() : 0};
}

std::vector<RankPlace> all_places(const RankPlace& own, const mpi::Comm& comm) {
  const Json mine = {own.host, own.cores, own.threads, own.device, own.n_devices};
  std::vector<RankPlace> places;
  for (const std::string& text : comm.all_gather(mine.dump())) {
    const Json one = Json::parse(text);
    places.push_back({one[0], one[1], one[2], one[3], one[4]});
  }
  return places;
}

std::string places_text(std::span<const RankPlace> places) {
  const auto hosts = ranks_of_hosts(places);
  std::string text;
  size_t n_shown = 0;
  for (const auto& [host, ranks] : hosts) {
    if (n_shown++ == kHostsShown) break;
    text += host_line(host, ranks, places) + "\n";
  }
  if (hosts.size() > kHostsShown) text += fmt::format("and {} more hosts\n", hosts.size() - kHostsShown);
  return text;
}

std::vector<std::string> place_warnings(std::span<const RankPlace> places) {
  std::vector<std::string> warnings;
  for (const auto& [host, ranks] : ranks_of_hosts(places)) {
    warn_of_cores(host, ranks, places, warnings);
    warn_of_devices(host, ranks, places, warnings);
  }
  return warnings;
}

void tell_places(at::Device device, int64_t threads, bool shows, const EventLog& log, const mpi::Comm& comm) {
  const RankPlace own = own_place(device, static_cast<int>(threads));
  log.write("place", {{"host", own.host}, {"cores", own.cores}, {"threads", own.threads}, {"device", own.device}});
  const std::vector<RankPlace> places = all_places(own, comm);
  if (!comm.is_root()) return;
  if (shows) fmt::print(stderr, "{}", places_text(places));
  for (const std::string& warning : place_warnings(places)) fmt::print(stderr, "saesweep: warning: {}\n", warning);
}

}  // namespace saesweep::sweep
