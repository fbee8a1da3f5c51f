// The error convention of the C interface: every function that can fail returns a status, and `seqloom_last_error`
// returns the text of the calling thread's last failure. No exception leaves the library.
#pragma once

#include <cstdint>

namespace seqloom {

enum Status : int { kOk = 0, kOutOfMemory = 1, kInvalidArgument = 2, kFailed = 3 };

// Translate the exception that a `catch` block is handling into a status; store its text for the calling thread.
int status_of_exception() noexcept;

// Run the body of an exported function, and turn an exception into a status.
template <class Body>
int guard(Body&& body) noexcept {
  try {
    body();
    return kOk;
  } catch (...) {
    return status_of_exception();
  }
}

// Throw std::invalid_argument with a formatted text.
[[noreturn]] __attribute__((format(printf, 1, 2))) void refuse(const char* format, ...);

// Each check below throws std::invalid_argument if it fails. The text starts with `name`, which describes the argument.

// Check that an index selects one of `count` objects.
inline void check_index(const char* name, int64_t index, int64_t count) {
  if (count == 0) refuse("%s %lld is out of range: there is no %s", name, static_cast<long long>(index), name);
  if (index < 0 || index >= count)
    refuse("%s %lld is out of range: it must be from 0 to %lld", name, static_cast<long long>(index),
           static_cast<long long>(count - 1));
}

inline void check_range(const char* name, int64_t value, int64_t least, int64_t most) {
  if (least == most && value != least)
    refuse("%s is %lld, but must be %lld", name, static_cast<long long>(value), static_cast<long long>(least));
  if (value < least || value > most)
    refuse("%s is %lld, but must be from %lld to %lld", name, static_cast<long long>(value),
           static_cast<long long>(least), static_cast<long long>(most));
}

// Return the object that a pointer points to, after a check that the pointer is not null.
template <class T>
T& checked(const char* name, T* pointer) {
  if (pointer == nullptr) refuse("%s is a null pointer", name);
  return *pointer;
}

inline void check_pointer(const char* name, const void* pointer) {
  if (pointer == nullptr) refuse("%s is a null pointer", name);
}

// Check that all of `count` values lie in [least, most]. The loop only searches for the smallest and the largest value,
// so that the compiler can vectorise it.
template <class T>
void check_all(const char* name, const T* values, int64_t count, int64_t least, int64_t most) {
  if (count > 0) check_pointer(name, values);
  T low = static_cast<T>(least), high = low;
  for (int64_t i = 0; i < count; ++i) {
    low = values[i] < low ? values[i] : low;
    high = values[i] > high ? values[i] : high;
  }
  if (count > 0) check_range(name, static_cast<int64_t>(low), least, most);
  if (count > 0) check_range(name, static_cast<int64_t>(high), least, most);
}

// Largest numbers that the checks allow: of threads, units of a layer or tokens of a vocabulary, layers, and tokens of
// a call. With these limits, products of sizes fit into 64 bits.
constexpr int64_t kMaxThreads = 1024, kMaxWidth = int64_t{1} << 24, kMaxLayers = 256, kMaxTokens = int64_t{1} << 31;

}  // namespace seqloom
