// A matrix packed for decoding, and its product with one row or a few.
//
// A product sums over the depth, the inputs of a layer. The columns lie in blocks of `Vectors` vectors of `kWidth`
// columns. A block contains all depths of its columns in the order in which a product reads them, for example with two
// vectors and groups of kGroup = 2 depths (`formats.h`):
//
//   header of vector 0, header of vector 1
//   depths 0 and 1 of vector 0, depths 0 and 1 of vector 1
//   depths 2 and 3 of vector 0, depths 2 and 3 of vector 1
//   ...
//
// Each sum is computed as `Chains` partial sums. The first one adds the groups 0, Chains, 2 * Chains, ... Partial sums
// do not wait for each other, which keeps the multipliers busy even with a single row. The result for a row does not
// depend on how many rows are multiplied together.
#pragma once

#include <type_traits>

#include "decoding/formats.h"
#include "decoding/tiles.h"
#include "runtime/buffer.h"

namespace seqloom::SEQLOOM_ISA::decoding {

// Depths and units are padded with zeros to a multiple of this.
constexpr size_t kPad = 32;

constexpr size_t padded_to(size_t count, size_t multiple) { return (count + multiple - 1) / multiple * multiple; }

template <class Format, int Vectors, int Chains>
class Panels {
 public:
  static constexpr size_t kColumns = Vectors * kWidth;

  Panels() = default;

  // Pack a matrix: `column(index)` returns a pointer to the `depth` contiguous weights of a column, or null for a
  // column of zeros.
  template <class Column>
  Panels(size_t num_blocks, size_t depth, Column column)
      : num_groups_(padded_to(depth, kPad) / Format::kGroup),
        block_bytes_(Vectors * Format::kHeaderBytes + num_groups_ * kGroupWeights * sizeof(Weight)),
        memory_(num_blocks * block_bytes_ + kReadBeyond) {
    for (size_t index = 0; index < num_blocks * kColumns; ++index)
      if (const float* values = column(index)) pack(index, values, depth);
  }

  // Bytes that a product with the whole matrix reads.
  size_t bytes() const { return memory_.size() == 0 ? 0 : memory_.size() - kReadBeyond; }

  // Multiply rows of activations by the columns of one block. `rows` points to the first activation of each row.
  template <int Rows>
  void multiply(const std::byte* const (&rows)[Rows], size_t block, Vec (&product)[Rows][Vectors]) const {
#if SEQLOOM_AMX
    if constexpr (Rows == Format::kTileRows) return multiply_tiles(rows, block, product);
#endif
    const std::byte* const header = memory_.data() + block * block_bytes_;
    const Weight* weights = reinterpret_cast<const Weight*>(header + Vectors * Format::kHeaderBytes);
    typename Format::Total total[Chains][Rows][Vectors];
    for (int v = 0; v < Vectors; ++v)
      for (int r = 0; r < Rows; ++r)
        for (int c = 0; c < Chains; ++c) total[c][r][v] = c ? typename Format::Total{} : start(header, v);
    for (size_t group = 0; group < num_groups_; group += Chains) {
#pragma GCC unroll 4
      for (int c = 0; c < Chains; ++c, weights += kGroupWeights) {
        typename Format::Activations activations[Rows];
#pragma GCC unroll 4
        for (int r = 0; r < Rows; ++r) activations[r] = Format::load_activations(rows[r], group + c);
#pragma GCC unroll 8
        for (int v = 0; v < Vectors; ++v) {
          const typename Format::Columns columns = Format::columns(weights + v * kVectorWeights);
#pragma GCC unroll 4
          for (int r = 0; r < Rows; ++r) Format::add(total[c][r][v], activations[r], columns);
        }
      }
    }
    for (int r = 0; r < Rows; ++r)
      for (int v = 0; v < Vectors; ++v) {
        for (int c = 1; c < Chains; ++c) total[0][r][v] = Format::join(total[0][r][v], total[c][r][v]);
        product[r][v] = finish(header, v, total[0][r][v]);
      }
  }

 private:
  using Weight = typename Format::Weight;
  // Number of weights in a group of one vector, and in the groups of all vectors at the same depths.
  static constexpr size_t kVectorWeights = kWidth * Format::kGroup, kGroupWeights = Vectors * kVectorWeights;
  // Bytes behind the last block that a tile may read; they are multiplied by activations of zero.
  static constexpr size_t kReadBeyond = Format::kTileRows ? kGroupWeights * Format::kTileRows : 0;

#if SEQLOOM_AMX
  void multiply_tiles(const std::byte* const (&rows)[16], size_t block, Vec (&product)[16][Vectors]) const {
    constexpr int vectors_at_once = Vectors % 4 ? 2 : 4;
    const std::byte* const header = memory_.data() + block * block_bytes_;
    const Weight* const first = reinterpret_cast<const Weight*>(header + Vectors * Format::kHeaderBytes);
    alignas(64) int32_t totals[16][kColumns];
    for (int v = 0; v < Vectors; v += vectors_at_once)
      sum_tiles</*FourVectors=*/vectors_at_once == 4>(rows, num_groups_ * Format::kGroup, first + v * kVectorWeights,
                                                      kGroupWeights, &totals[0][v * kWidth], sizeof totals[0]);
    for (int r = 0; r < 16; ++r)
      for (int v = 0; v < Vectors; ++v) {
        const typename Format::Total total = _mm512_load_si512(&totals[r][v * kWidth]);
        product[r][v] = finish(header, v, Format::join(start(header, v), total));
      }
  }
#endif

  static typename Format::Total start(const std::byte* header, int v) {
    return Format::start(header + v * Format::kHeaderBytes);
  }
  static Vec finish(const std::byte* header, int v, const typename Format::Total& total) {
    return Format::finish(total, header + v * Format::kHeaderBytes);
  }

  // Store the weights of column `index`.
  void pack(size_t index, const float* values, size_t depth) {
    const size_t block = index / kColumns, v = index % kColumns / kWidth, column = index % kWidth;
    std::byte* const header = memory_.data() + block * block_bytes_;
    Weight* const first = reinterpret_cast<Weight*>(header + Vectors * Format::kHeaderBytes) + v * kVectorWeights;
    const float scale = Format::scale(values, depth);
    for (size_t k = 0; k < depth; ++k) {
      Weight* const group = first + k / Format::kGroup * kGroupWeights + column * Format::kGroup;
      Format::store_weight(group, k % Format::kGroup, values[k], scale, header + v * Format::kHeaderBytes, column);
    }
  }

  size_t num_groups_ = 0, block_bytes_ = 0;
  Buffer<std::byte> memory_;
};

// Divide `count` rows into batches, each as large as registers or tiles allow. Call `process(first, num_rows)` for
// each, with the number of rows as a compile-time constant.
template <class Format, class Process>
inline void in_batches(int count, Process process) {
  constexpr int batch = Format::kRows, tile = Format::kTileRows;
  int first = 0;
  if constexpr (tile > 0)
    for (; first + tile <= count; first += tile) process(first, std::integral_constant<int, tile>());
  for (; first + batch <= count; first += batch) process(first, std::integral_constant<int, batch>());
  for (; first < count; ++first) process(first, std::integral_constant<int, 1>());
}

}  // namespace seqloom::SEQLOOM_ISA::decoding
