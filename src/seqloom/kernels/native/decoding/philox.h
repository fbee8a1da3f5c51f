// The uniform random numbers of one sample.
//
// A counter-based generator, Philox 4x64-10 (Salmon et al. 2011), keyed by (seed, index), with the order and the
// doubles of numpy's `Generator(Philox(key)).random()`: the numbers depend on the key alone.
#pragma once

#include <cstdint>

namespace seqloom::decoding {

class UniformStream {
 public:
  UniformStream(uint64_t seed, uint64_t index) : key_{seed, index} {}

  // Return the next number in [0, 1).
  double next() {
    if (used_ == 4) refill();
    return static_cast<double>(block_[used_++] >> 11) * (1.0 / 9007199254740992.0);
  }

 private:
  void refill() {
    for (int word = 0; word < 4; ++word)
      if (++counter_[word] != 0) break;
    uint64_t left[4] = {counter_[0], counter_[1], counter_[2], counter_[3]}, key[2] = {key_[0], key_[1]};
    for (int round = 0; round < 10; ++round) {
      const auto first = static_cast<unsigned __int128>(left[0]) * 0xD2E7470EE14C6C93ull;
      const auto second = static_cast<unsigned __int128>(left[2]) * 0xCA5A826395121157ull;
      left[0] = static_cast<uint64_t>(second >> 64) ^ left[1] ^ key[0];
      left[2] = static_cast<uint64_t>(first >> 64) ^ left[3] ^ key[1];
      left[1] = static_cast<uint64_t>(second);
      left[3] = static_cast<uint64_t>(first);
      key[0] += 0x9E3779B97F4A7C15ull;
      key[1] += 0xBB67AE8584CAA73Bull;
    }
    for (int word = 0; word < 4; ++word) block_[word] = left[word];
    used_ = 0;
  }

  uint64_t key_[2], counter_[4] = {}, block_[4] = {};
  int used_ = 4;
};

}  // namespace seqloom::decoding
