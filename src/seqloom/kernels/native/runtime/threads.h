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
// Each call of `run` is a round. Workers wait for the next round in a busy loop for a moment before they sleep, because
// it usually follows at once.
class ThreadPool {
 public:
  explicit ThreadPool(int count);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;

  int count() const { return static_cast<int>(workers_.size()) + 1; }

  // Run `task(thread)` on every thread and wait for all. If a task throws, the first exception is thrown again here,
  // once all threads have finished; the pool remains usable.
  void run(const std::function<void(int)>& task);
  // Run `task(thread, threads)` on every thread, or on the caller alone if it processes only `num_floats` floats, too
  // few to be worth sharing.
  void run_for(size_t num_floats, const std::function<void(int, int)>& task) {
    if (num_floats < kMinSharedFloats) return task(0, 1);
    run([&](int thread) { task(thread, count()); });
  }

 private:
  static constexpr size_t kMinSharedFloats = size_t{1} << 18;

  void run_worker(int thread);
  void run_task(int thread) noexcept;
  void stop() noexcept;

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  const std::function<void(int)>* task_ = nullptr;
  std::atomic<uint64_t> round_{0};
  std::atomic<int> busy_workers_{0};
  std::atomic<bool> stopping_{false};
  // Only the first thread that fails in a round sets `failed_`, and with it the right to write `failure_`.
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;
};

// One thread's part of [0, count). All parts but the last consist of whole grains of `grain` items.
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
