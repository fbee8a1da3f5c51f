// Detection of the processor's instruction sets at run time.
#pragma once

namespace seqloom {

bool has_avx2();
bool has_avx512();
bool has_avx512bf16();
// Also requests the system's permission to use tile registers in this process.
bool has_amx();

}  // namespace seqloom
