// Detection of the processor's instruction sets at run time.
#pragma once

namespace seqloom {

bool has_avx2();
bool has_avx512();
bool has_avx512bf16();
// Also asks the operating system, at the first call, for permission to use tile registers in this process.
bool has_amx();

}  // namespace seqloom
