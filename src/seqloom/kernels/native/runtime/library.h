// What the library shows to the outside: plain C functions.
#pragma once

#if defined(_WIN32)
#define SEQLOOM_EXPORT extern "C" __declspec(dllexport)
#else
#define SEQLOOM_EXPORT extern "C" __attribute__((visibility("default")))
#endif
