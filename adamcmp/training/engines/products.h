// Batched matrix products with fixed sizes; see products.py.
//
// The text is part of each generated kernel, hence the guard.

#ifndef ADAMCMP_PRODUCTS
#define ADAMCMP_PRODUCTS
#if defined(__clang__)
#pragma clang fp contract(fast)
#else
#pragma GCC push_options
#pragma GCC optimize("fp-contract=fast")
#endif
namespace adamcmp {

// The size of a vector, and how many of them hold the sums of a tile.
#if defined(__AVX512F__)
constexpr int vector_bytes = 64, registers = 24;
#elif defined(__AVX__)
constexpr int vector_bytes = 32, registers = 12;
#else
constexpr int vector_bytes = 16, registers = 24;
#endif

template <typename T, int W>
using Vector __attribute__((vector_size(sizeof(T) * W), aligned(alignof(T)), may_alias)) = T;

// Functions of a vector of sums, its row and its first column; they return what the result stores.
struct Sums {
  template <typename V> V operator()(V sums, int64_t, int64_t) const { return sums; }
};
template <typename T, bool RELU> struct PlusBias {
  const T* bias;
  template <typename V> V operator()(V sums, int64_t, int64_t column) const {
    sums += *(const V*)(bias + column);
    return RELU ? (sums < 0 ? V{} : sums) : sums;  // NaN stays NaN
  }
};
template <typename T> struct WherePositive {
  const T* activations;
  int64_t row_stride;
  template <typename V> V operator()(V sums, int64_t row, int64_t column) const {
    return *(const V*)(activations + row * row_stride + column) <= 0 ? V{} : sums;
  }
};

// A product c (M, N) = a (M, K) b (K, N). Element (m, k) of a is at m * AM + k * AK, element (k, n)
// of b at k * BK + n * BN, where BK or BN is 1; c is contiguous.
template <typename T, int M, int N, int K, int AM, int AK, int BK, int BN, typename Finish>
struct Product {
  const T *a, *b;
  T* c;
  Finish finish;

  // Compute a tile of ROWS rows and VECTORS vectors of W columns. LB is the distance of b's rows.
  template <int ROWS, int VECTORS, int W, int LB>
  inline __attribute__((always_inline)) void tile(const T* b, int64_t row, int64_t column) const {
    using V = Vector<T, W>;
    V sums[ROWS][VECTORS];
#pragma GCC unroll 32
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 8
      for (int v = 0; v < VECTORS; v++) sums[r][v] = V{};
    const T* rows = a + row * AM;
#pragma GCC unroll 1
    for (int64_t k = 0; k < K; k++) {
      V columns[VECTORS];
#pragma GCC unroll 8
      for (int v = 0; v < VECTORS; v++) columns[v] = *(const V*)(b + k * LB + v * W);
#pragma GCC unroll 32
      for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 8
        for (int v = 0; v < VECTORS; v++) sums[r][v] += rows[r * AM + k * AK] * columns[v];
    }
#pragma GCC unroll 32
    for (int r = 0; r < ROWS; r++)
#pragma GCC unroll 8
      for (int v = 0; v < VECTORS; v++)
        *(V*)(c + (row + r) * N + column + v * W) = finish(sums[r][v], row + r, column + v * W);
  }

  // Compute all rows of VECTORS vectors of W columns, in tiles whose numbers of rows differ by at
  // most 1. Those before row `high` have `rows` rows, the others one row less.
  template <int VECTORS, int W> inline void panel(int64_t column) const {
    constexpr int most = VECTORS == 1 ? 12 : registers / VECTORS, tiles = (M + most - 1) / most;
    constexpr int rows = (M + tiles - 1) / tiles, high = (M - tiles * (rows - 1)) * rows;
    constexpr int LB = BN == 1 ? BK : VECTORS * W;
    alignas(64) T copy[BN == 1 ? 1 : K * LB];
    if constexpr (BN != 1) at::vec::transpose_mxn<T>(b + column * BN, BN, copy, LB, LB, K);
    const T* right = BN == 1 ? b + column : copy;
#pragma GCC unroll 1
    for (int64_t row = 0; row < high; row += rows) tile<rows, VECTORS, W, LB>(right, row, column);
    if constexpr (high < M)
#pragma GCC unroll 1
      for (int64_t row = high; row < M; row += rows - 1)
        tile<rows - 1, VECTORS, W, LB>(right, row, column);
  }

  // Compute the columns from COLUMN on. Columns that do not fill a vector of W form narrower ones.
  template <int COLUMN = 0, int W = vector_bytes / sizeof(T)> inline void columns() const {
    constexpr int remaining = N - COLUMN;
    if constexpr (remaining >= W) {
      constexpr int vectors = remaining / W, panels = (vectors + 3) / 4;
      constexpr int width = (vectors + panels - 1) / panels;
      panel<width, W>(COLUMN);
      columns<COLUMN + width * W, W>();
    } else if constexpr (remaining > 0) {
      columns<COLUMN, W / 2>();
    }
  }
};

template <int M, int N, int K, int AM, int AK, int BK, int BN, typename T, typename Finish>
static inline void product(const T* a, const T* b, T* c, Finish finish) {
  Product<T, M, N, K, AM, AK, BK, BN, Finish>{a, b, c, finish}.columns();
}

}
#if !defined(__clang__)
#pragma GCC pop_options
#endif
#endif
