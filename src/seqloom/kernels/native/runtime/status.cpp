#include "runtime/status.h"

#include <cstdarg>
#include <cstdio>
#include <new>
#include <stdexcept>
#include <system_error>

#include "runtime/library.h"

namespace seqloom {

namespace {

// A fixed buffer, because storing the text must not fail when memory is short.
thread_local char last_error[512] = "";

int store_error(Status status, const char* text) noexcept {
  std::snprintf(last_error, sizeof last_error, "%s", text);
  return status;
}

}  // namespace

int status_of_exception() noexcept {
  try {
    throw;
  } catch (const std::bad_alloc&) {
    return store_error(kOutOfMemory, "out of memory");
  } catch (const std::length_error&) {
    return store_error(kOutOfMemory, "out of memory");  // a container would exceed the address space
  } catch (const std::logic_error& error) {
    return store_error(kInvalidArgument, error.what());
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::resource_unavailable_try_again)
      return store_error(kOutOfMemory, "the system could not start another thread");
    return store_error(kFailed, error.what());
  } catch (const std::exception& error) {
    return store_error(kFailed, error.what());
  } catch (...) {
    return store_error(kFailed, "unknown error");
  }
}

void refuse(const char* format, ...) {
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  throw std::invalid_argument(text);
}

}  // namespace seqloom

// Return the text of the calling thread's last failure; valid until that thread's next call.
SEQLOOM_EXPORT const char* seqloom_last_error() { return seqloom::last_error; }
