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

// A pool of `num_threads` threads: `num_threads - 1` workers and the caller.
//
// Each call of `run` is a round. Workers wait for the next round in a busy loop for a moment before they sleep, because
// the next round usually follows at once.
class ThreadPool {
 public:
  explicit ThreadPool(int num_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;

  int num_threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Run `task(thread)` on every thread and wait for all. If a task throws, the first exception is thrown again here,
  // once all threads have finished; the pool remains usable.
  void run(const std::function<void(int)>& task);
  // Run `task(thread, threads)`, which processes `num_floats` floats, on every thread. If the floats are too few to be
  // worth sharing, run the task on the caller alone.
  void run_for(size_t num_floats, const std::function<void(int, int)>& task) {
    if (num_floats < kMinSharedFloats) return task(0, 1);
    run([&](int thread) { task(thread, num_threads()); });
  }

 private:
  // The caller alone processes fewer floats than this.
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
  // The first thread that fails in a round sets `failed_`, and only this thread writes `failure_`.
  std::atomic<bool> failed_{false};
  std::exception_ptr failure_;
};

// The part of the items [0, count) that one of `threads` threads processes. Each part consists of whole groups of
// `grain` items; only the group at the end of all items may be smaller.
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
