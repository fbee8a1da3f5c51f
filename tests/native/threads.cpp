// Tests the thread pool and the barrier under the compiler's sanitizers: shared work, exceptions of tasks, aborted
// barriers, and pools that are created and destroyed. Prints what went wrong and ends with 1, or
// prints "threads ok".
#include <atomic>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "decoding/barrier.h"
#include "runtime/status.h"
#include "runtime/threads.h"

using namespace seqloom;
using namespace seqloom::decoding;

namespace {

int num_faults = 0;

void expect(bool holds, const char* fault) {
  if (holds) return;
  std::printf("%s\n", fault);
  ++num_faults;
}

// Run tasks in which every thread adds to its own part. Check in the next task that every thread reads all parts.
void share_work(ThreadPool& pool) {
  std::vector<int> parts(pool.num_threads()), sums(pool.num_threads());
  for (int round = 1; round <= 30; ++round) {
    pool.run([&](int thread) { parts[thread] += round; });
    pool.run([&](int thread) {
      sums[thread] = 0;
      for (const int part : parts) sums[thread] += part;
    });
    for (const int sum : sums) expect(sum == pool.num_threads() * round * (round + 1) / 2, "a thread's work is lost");
  }
  int calls = 0;
  pool.run_for(/*num_floats=*/1, [&](int thread, int threads) { calls += thread == 0 && threads == 1; });
  expect(calls == 1, "a small task is shared among threads");
}

// Run tasks that throw in some threads. Check that the caller gets one of the exceptions, and that all threads finish.
void throw_in_tasks(ThreadPool& pool) {
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> finished{0};
    std::string text;
    try {
      pool.run([&](int thread) {
        ++finished;
        if (thread % 2 == round % 2) throw std::runtime_error("thread " + std::to_string(thread));
      });
    } catch (const std::runtime_error& error) {
      text = error.what();
    }
    expect(finished == pool.num_threads(), "a thread did not finish");
    const bool throws = round % 2 == 0 || pool.num_threads() > 1;
    expect(throws == (text.rfind("thread ", 0) == 0), "an exception is lost");
  }
  const int status = guard([&] { pool.run([](int) { throw std::bad_alloc(); }); });
  expect(status == kOutOfMemory, "std::bad_alloc is not reported as out of memory");
}

// In each turn, another thread writes a value before the barrier. Check that all threads read this value after the
// barrier.
void take_turns(ThreadPool& pool) {
  Barrier barrier(pool.num_threads());
  int value = 0;
  std::vector<int> num_wrong(pool.num_threads());
  pool.run([&](int thread) {
    Barrier::Member member(barrier, thread);
    for (int turn = 0; turn < 60; ++turn) {
      if (turn % member.threads == thread) value = turn;
      member.wait();
      num_wrong[thread] += value != turn;
      member.wait();
    }
  });
  for (const int count : num_wrong) expect(count == 0, "a barrier lets a thread pass early");
}

// Let one thread fail before a barrier. Check that the others do not wait for this thread for ever.
void abort_barriers(ThreadPool& pool) {
  for (int round = 0; round < 20; ++round) {
    Barrier barrier(pool.num_threads());
    std::atomic<int> aborted{0};
    const int status = guard([&] {
      pool.run([&](int thread) {
        Barrier::Member member(barrier, thread);
        try {
          for (int turn = 0;; ++turn) {
            if (turn == round % 7 && thread == round % member.threads) throw std::bad_alloc();
            member.wait();
          }
        } catch (const BarrierAborted&) {
          ++aborted;
        } catch (...) {
          barrier.abort();
          throw;
        }
      });
    });
    expect(status == kOutOfMemory, "the failure of one thread is lost");
    expect(aborted == pool.num_threads() - 1, "a thread went on without the others");
  }
}

}  // namespace

int main() {
  for (const int threads : {1, 2, 3}) {
    for (int repetition = 0; repetition < 2; ++repetition) {
      ThreadPool pool(threads);
      share_work(pool);
      throw_in_tasks(pool);
      take_turns(pool);
      abort_barriers(pool);
    }
    for (int repetition = 0; repetition < 5; ++repetition) ThreadPool unused_pool(threads);
  }
  if (num_faults == 0) std::printf("threads ok\n");
  return num_faults > 0;
}
