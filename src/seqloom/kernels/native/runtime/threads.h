// A pool of threads that run one function together.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace seqloom {

// Keeps `count - 1` threads; the caller is the last. They spin a moment before they sleep, as the next task is near.
class ThreadPool {
 public:
  explicit ThreadPool(int count);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;

  int count() const { return static_cast<int>(workers_.size()) + 1; }

  // Run `task(thread)` on every thread and wait for all.
  void run(const std::function<void(int)>& task);
  // Run `task(thread, threads)`: on one thread where there is too little to do (`work`, in floats to pass over) for more.
  void run_for(size_t work, const std::function<void(int, int)>& task) {
    if (work < kWorthwhile) return task(0, 1);
    run([&](int thread) { task(thread, count()); });
  }

 private:
  static constexpr size_t kWorthwhile = size_t{1} << 18;

  void work(int thread);

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  const std::function<void(int)>* task_ = nullptr;
  std::atomic<uint64_t> round_{0};
  std::atomic<int> running_{0};
  std::atomic<bool> ending_{false};
};

// The part of [0, count) in steps of `grain` that is thread's.
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
