// A pool of threads that run one function together.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace seqloom {

// A pool of `count` threads: `count - 1` workers and the caller.
//
// Workers spin for a moment before they sleep, because the next task usually follows at once.
class ThreadPool {
 public:
  explicit ThreadPool(int count);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;

  int count() const { return static_cast<int>(workers_.size()) + 1; }

  // Run `task(thread)` on every thread and wait for all. If a task throws, the first exception is thrown again here,
  // once all threads have finished; the pool remains usable.
  void run(const std::function<void(int)>& task);
  // Run `task(thread, threads)` on every thread, or on the caller alone if `work` (floats to process) is too little to
  // be worth sharing.
  void run_for(size_t work, const std::function<void(int, int)>& task) {
    if (work < kWorthSharing) return task(0, 1);
    run([&](int thread) { task(thread, count()); });
  }

 private:
  static constexpr size_t kWorthSharing = size_t{1} << 18;

  void work(int thread);
  void run_task(int thread) noexcept;
  void stop() noexcept;

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  const std::function<void(int)>* task_ = nullptr;
  std::atomic<uint64_t> round_{0};
  std::atomic<int> running_{0};
  std::atomic<bool> ending_{false};
  // The first exception of a round, written by the thread that set `failed_`.
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;
};

// One thread's part of [0, count), in multiples of `grain`.
struct ThreadRange {
  size_t begin, end;
  ThreadRange(size_t count, size_t grain, int thread, int threads) {
    const size_t grains = (count + grain - 1) / grain;
    begin = grains * thread / threads * grain;
    end = grains * (thread + 1) / threads * grain;
    if (end > count) end = count;
    if (begin > count) begin = count;
  }
};

}  // namespace seqloom
