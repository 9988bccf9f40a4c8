#include <setjmp.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <utility>
#include <vector>

#include "cuda_runtime.h"

namespace emulated {

Index thread, block;
namespace {
Order order = Order::kRising;
}  // namespace

Ordered::Ordered(Order wanted) : before_(std::exchange(order, wanted)) {}
Ordered::~Ordered() {
  order = before_;
}

namespace {

constexpr unsigned kWarp = 32;
constexpr size_t kStackBytes = size_t{128} << 10;
constexpr unsigned char kUnwritten = 0xFF;  // NaN as a float
constexpr size_t kGuardBytes = 64;

enum class State { kReady, kAtBlock, kAtWarp, kDone };

struct Fiber {
  jmp_buf place{};
  std::unique_ptr<char[]> stack = std::make_unique_for_overwrite<char[]>(kStackBytes);
  State state = State::kReady;
  unsigned n_barriers = 0;
  alignas(8) unsigned char shown[2][8]{};
};

[[noreturn]] void fail(const char* why) {
  std::fprintf(stderr, "emulated CUDA block %u: %s\n", block.x, why);
  std::abort();
}

//! The block that runs.
class Block {
 public:
  Block(unsigned n_threads, size_t n_bytes, const std::function<void()>& body);

  void run();
  void wait(State state);
  unsigned char* shown_by(unsigned of_thread) {
    Fiber& fiber = fibers_.at(of_thread);
    return fiber.shown[fiber.n_barriers % 2];
  }
  void* shared_memory() { return shared_.data(); }

 private:
  static void live();
  //! Goes on with a fiber until it waits. _setjmp leaves signal masks alone, which swapcontext asks the system for.
  void go_on(unsigned turn);
  void take_turns();
  //! Whether a barrier was reached by all whom it is for.
  bool release();
  bool release(size_t first, size_t n, State at);

  std::vector<Fiber> fibers_;
  std::vector<unsigned char> shared_;
  const std::function<void()>& body_;
  jmp_buf scheduler_{};
  std::mt19937 random_;
};

Block* running = nullptr;

//! A fiber's first turn ends before its first block, so that all later ones begin with a jump.
Block::Block(unsigned n_threads, size_t n_bytes, const std::function<void()>& body)
    : fibers_(n_threads), shared_(n_bytes + kGuardBytes), body_(body) {
  running = this;
  for (thread.x = 0; thread.x < n_threads; ++thread.x) {
    Fiber& fiber = fibers_[thread.x];
    ucontext_t start{}, back{};
    getcontext(&start);
    start.uc_stack.ss_sp = fiber.stack.get();
    start.uc_stack.ss_size = kStackBytes;
    makecontext(&start, &Block::live, 0);
    if (_setjmp(scheduler_) == 0) swapcontext(&back, &start);
  }
}

void Block::live() {
  for (;;) {
    running->wait(State::kDone);
    running->body_();
  }
}

void Block::wait(State state) {
  Fiber& own = fibers_.at(thread.x);
  own.state = state;
  if (_setjmp(own.place) == 0) _longjmp(scheduler_, 1);
}

void Block::go_on(unsigned turn) {
  thread.x = turn;
  if (_setjmp(scheduler_) == 0) _longjmp(fibers_[turn].place, 1);
}

void Block::take_turns() {
  std::vector<unsigned> turns(fibers_.size());
  for (unsigned i = 0; i < turns.size(); ++i) turns[i] = i;
  if (order == Order::kFalling) std::ranges::reverse(turns);
  if (order == Order::kShuffled) std::ranges::shuffle(turns, random_);
  for (const unsigned turn : turns) {
    if (fibers_[turn].state != State::kReady) continue;
    go_on(turn);
  }
}

bool Block::release(size_t first, size_t n, State at) {
  const auto begin = fibers_.begin() + static_cast<std::ptrdiff_t>(first);
  const auto end = begin + static_cast<std::ptrdiff_t>(n);
  const auto is_there = [&](const Fiber& fiber) { return fiber.state == at || fiber.state == State::kDone; };
  if (!std::all_of(begin, end, is_there)) return false;
  bool released = false;
  for (auto fiber = begin; fiber != end; ++fiber) {
    if (fiber->state != at) continue;
    fiber->state = State::kReady;
    ++fiber->n_barriers;
    released = true;
  }
  // A block's barrier is for those of its threads that still run; an exchange in a warp for all lanes of its mask.
  const auto is_done = [](const Fiber& fiber) { return fiber.state == State::kDone; };
  if (released && at == State::kAtWarp && std::any_of(begin, end, is_done)) fail("a warp exchanges with ended threads");
  return released;
}

bool Block::release() {
  bool released = release(0, fibers_.size(), State::kAtBlock);
  for (size_t first = 0; first < fibers_.size(); first += kWarp) {
    released |= release(first, std::min<size_t>(kWarp, fibers_.size() - first), State::kAtWarp);
  }
  return released;
}

void Block::run() {
  std::ranges::fill(shared_, kUnwritten);
  for (Fiber& fiber : fibers_) {
    fiber.state = State::kReady;
    fiber.n_barriers = 0;
  }
  do take_turns();
  while (release());
  const auto is_done = [](const Fiber& fiber) { return fiber.state == State::kDone; };
  if (!std::ranges::all_of(fibers_, is_done)) fail("threads wait at different barriers");
  const auto is_unwritten = [](unsigned char byte) { return byte == kUnwritten; };
  if (!std::all_of(shared_.end() - kGuardBytes, shared_.end(), is_unwritten)) fail("wrote past its shared memory");
}

}  // namespace

void wait_for_block() {
  running->wait(State::kAtBlock);
}

void wait_for_warp() {
  running->wait(State::kAtWarp);
}

unsigned char* shown_by(unsigned of_thread) {
  return running->shown_by(of_thread);
}

void* shared_memory() {
  return running->shared_memory();
}

void Launch::run_threads(const std::function<void()>& body) const {
  Block all(n_threads_, n_bytes_, body);
  for (block.x = 0; block.x < n_blocks_; ++block.x) all.run();
  running = nullptr;
}

}  // namespace emulated
