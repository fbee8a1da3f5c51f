// The thread pool and the barrier, for the thread sanitizer and the others: shared work, exceptions of tasks, aborted
// barriers, and pools that come and go.
//
// Says what went wrong and ends with 1, or that the threads are sound.
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

int faults = 0;

void expect(bool holds, const char* what) {
  if (holds) return;
  std::printf("%s\n", what);
  ++faults;
}

// Every thread adds to its own part, and reads the others' parts in the next task.
void share_work(ThreadPool& pool) {
  std::vector<int> parts(pool.count()), sums(pool.count());
  for (int round = 1; round <= 30; ++round) {
    pool.run([&](int thread) { parts[thread] += round; });
    pool.run([&](int thread) {
      sums[thread] = 0;
      for (const int part : parts) sums[thread] += part;
    });
    for (const int sum : sums) expect(sum == pool.count() * round * (round + 1) / 2, "a thread's work is lost");
  }
  int calls = 0;
  pool.run_for(1, [&](int thread, int threads) { calls += thread == 0 && threads == 1; });
  expect(calls == 1, "little work is shared");
}

// A task that throws in some threads: the caller gets one of the exceptions, and all threads have finished.
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
    expect(finished == pool.count(), "a thread did not finish");
    const bool throws = round % 2 == 0 || pool.count() > 1;
    expect(throws == (text.rfind("thread ", 0) == 0), "an exception is lost");
  }
  const int status = guard([&] { pool.run([](int) { throw std::bad_alloc(); }); });
  expect(status == kOutOfMemory, "no memory is another status");
}

// Between two barriers one thread writes what all read.
void take_turns(ThreadPool& pool) {
  Barrier barrier(pool.count());
  int value = 0;
  std::vector<int> wrong(pool.count());
  pool.run([&](int thread) {
    Barrier::Member member(barrier, thread);
    for (int turn = 0; turn < 60; ++turn) {
      if (turn % member.threads == thread) value = turn;
      member.wait();
      wrong[thread] += value != turn;
      member.wait();
    }
  });
  for (const int count : wrong) expect(count == 0, "a barrier lets a thread pass early");
}

// One thread fails between barriers: the others must not wait for it for ever.
void abort_barriers(ThreadPool& pool) {
  for (int round = 0; round < 20; ++round) {
    Barrier barrier(pool.count());
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
    expect(aborted == pool.count() - 1, "a thread went on without the others");
  }
}

}  // namespace

int main() {
  for (const int threads : {1, 2, 3}) {
    for (int life = 0; life < 2; ++life) {
      ThreadPool pool(threads);
      share_work(pool);
      throw_in_tasks(pool);
      take_turns(pool);
      abort_barriers(pool);
    }
    for (int life = 0; life < 5; ++life) ThreadPool pool(threads);
  }
  if (faults == 0) std::printf("threads ok\n");
  return faults > 0;
}
