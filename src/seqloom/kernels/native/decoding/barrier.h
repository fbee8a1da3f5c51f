// A barrier for the threads of a team, which compute one decoding step together (`ThreadTeam` in `model.h`).
#pragma once

#include <atomic>
#include <thread>

#include "decoding/model.h"

#if defined(__x86_64__) || defined(__i386__)
#include <immintrin.h>
#endif

namespace seqloom::decoding {

// Thrown by `wait` after `abort`: another member has failed and will never arrive.
struct BarrierAborted {};

// Waiting threads spin, because the other threads usually arrive soon. On a busy machine they may be late, so that a
// waiting thread yields the processor after `kSpinsBeforeYield` spins.
class Barrier {
 public:
  explicit Barrier(int threads) : threads_(threads) {}

  // The barrier as one thread of the team sees it.
  class Member final : public ThreadTeam {
   public:
    Member(Barrier& barrier, int index) : barrier_(barrier) { thread = index, threads = barrier.threads_; }
    void wait() override { barrier_.wait(); }

   private:
    Barrier& barrier_;
  };

  // Release all waiting threads, and all that arrive later, with `BarrierAborted`.
  void abort() noexcept { aborted_.store(true, std::memory_order_release); }

 private:
  static constexpr int kSpinsBeforeYield = 2000;

  void wait() {
    const unsigned round = round_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == threads_) {
      arrived_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      return;
    }
    for (int spins = 0; round_.load(std::memory_order_acquire) == round; ++spins) {
      if (aborted_.load(std::memory_order_acquire)) throw BarrierAborted();
      if (spins >= kSpinsBeforeYield) {
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
  // Spinning threads read both values below, so these share a cache line, which does not contain `arrived_`.
  alignas(64) std::atomic<unsigned> round_{0};
  std::atomic<bool> aborted_{false};
};

}  // namespace seqloom::decoding
