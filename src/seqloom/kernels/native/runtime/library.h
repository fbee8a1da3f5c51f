// Marks the functions that the library exports, all of them plain C.
#pragma once

#if defined(_WIN32)
#define SEQLOOM_EXPORT extern "C" __declspec(dllexport)
#else
#define SEQLOOM_EXPORT extern "C" __attribute__((visibility("default")))
#endif
