// What the processor can do, asked at run time.
#pragma once

namespace seqloom {

bool has_avx2();
bool has_avx512();
bool has_avx512bf16();
// Also asks the system to keep the tile registers for this process.
bool has_amx();

}  // namespace seqloom
