// Where threads of one step wait for one another.
#pragma once

#include <atomic>
#include <thread>

#include "decoding/model.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace seqloom::decoding {

// They spin, as the others are near; on a busy machine they let others run.
class Barrier {
 public:
  explicit Barrier(int threads) : threads_(threads) {}

  class Member final : public ThreadTeam {
   public:
    Member(Barrier& barrier, int index) : barrier_(barrier) { thread = index, threads = barrier.threads_; }
    void wait() override { barrier_.wait(); }

   private:
    Barrier& barrier_;
  };

 private:
  static constexpr int kSpins = 2000;

  void wait() {
    const unsigned round = round_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
      arrived_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      return;
    }
    for (int spins = 0; round_.load(std::memory_order_acquire) == round; ++spins) {
      if (spins >= kSpins) {
        std::this_thread::yield();
        continue;
      }
#if defined(__x86_64__) || defined(__i386__)
      _mm_pause();
#endif
    }
  }

  const int threads_;
  alignas(64) std::atomic<int> arrived_{0};
  alignas(64) std::atomic<unsigned> round_{0};
};

}  // namespace seqloom::decoding
