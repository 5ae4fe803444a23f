// Symbols: what is known of sizes that are symbols while a function is traced, and what the trace asked of them.
#pragma once

#include <duet/shape.h>

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/size_expression.h"

namespace duet {

/// What a trace assumed of the sizes of the call that it was made for.
struct SizeGuard {
  enum class Kind : std::uint8_t { kZero, kNonZero, kNotNegative };
  Dim value;
  Kind kind = Kind::kZero;
  friend bool operator==(const SizeGuard& a, const SizeGuard& b) { return a.value.same(b.value) && a.kind == b.kind; }
};
/// `s0 == 3`, `s0 != s1`, `s0 >= 4`.
std::string to_string(const SizeGuard& guard);

/// The smallest size that a symbol may stand for: 0 and 1 have traces of their own, since they broadcast or throw.
inline constexpr std::int64_t kMinSymbol = 2;

/// What is known of sizes without asking.
bool IsNeverNegative(Dim dim);
/// A number, or what the size is in the call that the trace is made for: for choices that change nothing but speed.
std::int64_t LikelySize(Dim dim);
bool Holds(const SizeGuard& guard, std::span<const std::int64_t> values);

/// While it lives, questions about sizes on this thread are answered (without one: by proof or not at all; sizes that
/// are not the same expression are not equal): by proof where one is easy, else as the sizes of
/// the call say, and then the answer is kept as a guard. A question that only one size answers so makes it a number.
class SymbolScope {
 public:
  /// Symbol i has values[i], at least kMinSymbol. What is known of them is asked no more.
  explicit SymbolScope(std::vector<std::int64_t> values, const std::vector<SizeGuard>& known = {});
  ~SymbolScope();
  SymbolScope(const SymbolScope&) = delete;
  SymbolScope& operator=(const SymbolScope&) = delete;

  /// Null: none on this thread.
  static SymbolScope* Current();

  bool IsNotNegative(Dim dim) const;  ///< by proof
  std::int64_t Likely(Dim dim) const;
  bool IsZero(Dim difference);
  bool IsNegative(Dim difference);
  std::int64_t NumberOf(Dim dim);

  /// Makes every symbol the number that it has.
  const std::vector<Dim>& AllNumbers();
  /// Per symbol what it was found to be: itself, another symbol or a number.
  const std::vector<Dim>& symbols() const { return symbols_; }
  /// In terms of what was found.
  std::vector<SizeGuard> Guards() const;

 private:
  Dim Found(Dim dim) const;
  bool Proves(Dim not_negative) const;
  void Assume(const SizeGuard& guard);
  bool AssumeBound(const SizeGuard& guard);
  void Replace(int symbol, Dim by);

  SymbolScope* outer_;
  std::vector<std::int64_t> values_;
  std::vector<Dim> symbols_;
  std::vector<std::int64_t> least_, most_, known_least_, known_most_;  // per symbol
  std::vector<SizeGuard> known_, guards_;
  bool all_are_themselves_ = true;
  mutable std::unordered_map<int, bool> proofs_;  // by expression, of what is known now
};

}  // namespace duet
