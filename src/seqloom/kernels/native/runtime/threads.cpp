#include "runtime/threads.h"

#include <utility>

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace seqloom {

namespace {

// Number of checks in a busy loop before a thread gives up the processor: a worker then sleeps, and the caller yields.
constexpr int kSpinsBeforeWaiting = 4000;

void pause() {
#if defined(__x86_64__) || defined(__i386__)
  _mm_pause();
#endif
}

}  // namespace

ThreadPool::ThreadPool(int num_threads) {
  try {
    for (int thread = 1; thread < num_threads; ++thread) workers_.emplace_back([this, thread] { run_worker(thread); });
  } catch (...) {
    stop();  // a running thread must be joined before its object is destroyed
    throw;
  }
}

ThreadPool::~ThreadPool() { stop(); }

void ThreadPool::stop() noexcept {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
    ++round_;  // a new round without a task wakes the workers
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(const std::function<void(int)>& task) {
  if (workers_.empty()) return task(0);
  {
    std::lock_guard<std::mutex> lock(mutex_);
    task_ = &task;
    busy_workers_ = static_cast<int>(workers_.size());
    ++round_;
  }
  wake_.notify_all();
  run_task(0);
  for (int spins = 0; busy_workers_.load(std::memory_order_acquire) > 0; ++spins) {
    if (spins < kSpinsBeforeWaiting)
      pause();
    else
      std::this_thread::yield();
  }
  if (failed_.load(std::memory_order_relaxed)) {
    failed_ = false;
    std::rethrow_exception(std::exchange(failure_, nullptr));
  }
}

void ThreadPool::run_task(int thread) noexcept {
  try {
    (*task_)(thread);
  } catch (...) {
    if (!failed_.exchange(true)) failure_ = std::current_exception();
  }
}

void ThreadPool::run_worker(int thread) {
  uint64_t last_round = 0;
  for (;;) {
    for (int spins = 0; spins < kSpinsBeforeWaiting && round_.load(std::memory_order_acquire) == last_round; ++spins)
      pause();
    if (round_.load(std::memory_order_acquire) == last_round) {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait(lock, [&] { return round_.load() != last_round; });
    }
    last_round = round_.load(std::memory_order_acquire);
    if (stopping_) return;
    run_task(thread);
    busy_workers_.fetch_sub(1, std::memory_order_release);
  }
}

}  // namespace seqloom
