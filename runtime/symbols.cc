#include "runtime/symbols.h"

#include <duet/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <optional>
#include <utility>

namespace duet {
namespace {

// Looks for proofs, with what symbols are at least: symbol i least[i]. What is not found within so many steps is not
// proven, which costs a guard at most.
class Proof {
 public:
  explicit Proof(std::span<const std::int64_t> least) : least_(least) {}

  bool IsNotNegative(Dim dim) {
    if (!dim.is_symbol()) return std::int64_t{dim} >= 0;
    if (--steps_ < 0) return false;
    if (LeastOf(dim).value_or(-1) >= 0) return true;
    // By way of d * (n / d), which lies between n - d + 1 and n.
    for (const auto& [factor, factors] : TermsOfSize(dim)) {
      const SizeQuotient quotient = factors.size() == 1 ? QuotientOfSize(factors[0]) : SizeQuotient();
      if (quotient.divisor == 0) continue;
      const Dim rest = dim - factors[0] * factor;
      const Dim bound = factor < 0 ? quotient.numerator : quotient.numerator - (quotient.divisor - 1);
      if (IsNotNegative(rest * quotient.divisor + bound * factor)) return true;
      const std::optional<std::int64_t> numerator = LeastOf(quotient.numerator);
      return factor > 0 && numerator.value_or(-1) >= 0 && IsNotNegative(rest + *numerator / quotient.divisor * factor);
    }
    return false;
  }

 private:
  // What a size is at least, where that is easy to see: symbols are their least value and something not negative; where
  // no term but the number is negative then, the number is the answer.
  std::optional<std::int64_t> LeastOf(Dim dim) {
    Dim raised = 0;
    for (const SizeTerm& term : TermsOfSize(dim)) {
      Dim product = term.factor;
      for (const Dim factor : term.factors) {
        const SizeQuotient quotient = QuotientOfSize(factor);
        if (quotient.divisor && !IsNotNegative(quotient.numerator)) return std::nullopt;
        product *= quotient.divisor ? factor : factor + LeastOfSymbol(factor);
      }
      raised += product;
    }
    std::int64_t number = 0;
    for (const SizeTerm& term : TermsOfSize(raised)) {
      if (term.factors.empty())
        number = term.factor;
      else if (term.factor < 0)
        return std::nullopt;
    }
    return number;
  }

  std::int64_t LeastOfSymbol(Dim symbol) const {
    const auto i = static_cast<std::size_t>(symbol.symbol());
    return i < least_.size() ? least_[i] : kMinSymbol;
  }

  std::span<const std::int64_t> least_;
  int steps_ = 64;
};

bool IsProvenNotNegative(Dim dim, std::span<const std::int64_t> least) {
  try {
    return Proof(least).IsNotNegative(dim);
  } catch (const OutOfMemoryError&) {
    return false;  // the proof's own numbers exceed 64 bits
  }
}

thread_local SymbolScope* t_scope = nullptr;

SymbolScope& Scope(Dim dim) {
  if (!t_scope) throw TraceError(fmt::format("the size {} is not known while tracing", to_string(dim)));
  return *t_scope;
}

}  // namespace

bool IsNeverNegative(Dim dim) {
  if (!dim.is_symbol()) return std::int64_t{dim} >= 0;
  return t_scope ? t_scope->IsNotNegative(dim) : IsProvenNotNegative(dim, {});
}

std::int64_t LikelySize(Dim dim) { return dim.is_symbol() ? Scope(dim).Likely(dim) : std::int64_t{dim}; }

bool internal::EqualOfSymbols(Dim a, Dim b) { return t_scope && t_scope->IsZero(a - b); }
bool internal::LessOfSymbols(Dim a, Dim b, bool or_equal) {
  if (!t_scope) {
    const Dim not_less = or_equal ? a - b - 1 : a - b, less = -1 - not_less;
    if (IsProvenNotNegative(less, {})) return true;
    if (IsProvenNotNegative(not_less, {})) return false;
  }
  SymbolScope& scope = Scope(a.is_symbol() ? a : b);
  return or_equal ? !scope.IsNegative(b - a) : scope.IsNegative(a - b);
}

std::int64_t Dim::NumberOfSymbol() const { return Scope(*this).NumberOf(*this); }

bool Holds(const SizeGuard& guard, std::span<const std::int64_t> values) {
  const std::int64_t value = ValueOf(guard.value, values);
  switch (guard.kind) {
    case SizeGuard::Kind::kZero:
      return value == 0;
    case SizeGuard::Kind::kNonZero:
      return value != 0;
    case SizeGuard::Kind::kNotNegative:
      return value >= 0;
  }
  __builtin_unreachable();
}

std::string to_string(const SizeGuard& guard) {
  // Terms with a minus stand on the right, unless that is where all symbols would be.
  Dim left = 0, right = 0;
  for (const auto& [factor, factors] : TermsOfSize(guard.value)) {
    Dim product = std::abs(factor);
    for (const Dim symbol : factors) product *= symbol;
    (factor > 0 ? left : right) += product;
  }
  const bool turned = !left.is_symbol();
  if (turned) std::swap(left, right);
  const char* relation = guard.kind == SizeGuard::Kind::kZero      ? "=="
                         : guard.kind == SizeGuard::Kind::kNonZero ? "!="
                         : turned                                  ? "<="
                                                                   : ">=";
  return fmt::format("{} {} {}", to_string(left), relation, to_string(right));
}

SymbolScope::SymbolScope(std::vector<std::int64_t> values, const std::vector<SizeGuard>& known)
    : outer_(std::exchange(t_scope, this)),
      values_(std::move(values)),
      least_(values_.size(), kMinSymbol),
      most_(values_.size(), std::numeric_limits<std::int64_t>::max()) {
  for (std::size_t i = 0; i < values_.size(); ++i) symbols_.push_back(Dim::Symbol(static_cast<int>(i)));
  for (const SizeGuard& guard : known) Assume(guard);
  std::swap(known_, guards_);
  known_least_ = least_;
  known_most_ = most_;
}

SymbolScope::~SymbolScope() { t_scope = outer_; }

SymbolScope* SymbolScope::Current() { return t_scope; }

Dim SymbolScope::Found(Dim dim) const { return all_are_themselves_ ? dim : Substitute(dim, symbols_); }

bool SymbolScope::IsNotNegative(Dim dim) const {
  if (!dim.is_symbol()) return std::int64_t{dim} >= 0;
  const auto [at, made] = proofs_.try_emplace(dim.symbol(), false);
  if (made) at->second = Proves(dim);
  return at->second;
}

bool SymbolScope::Proves(Dim not_negative) const {
  if (IsProvenNotNegative(not_negative, least_)) return true;
  // More than something that is not negative.
  for (const std::vector<SizeGuard>* guards : {&known_, &guards_})
    for (const SizeGuard& guard : *guards)
      if (guard.kind == SizeGuard::Kind::kNotNegative && IsProvenNotNegative(not_negative - Found(guard.value), least_))
        return true;
  return false;
}

std::int64_t SymbolScope::Likely(Dim dim) const { return ValueOf(Found(dim), values_); }

bool SymbolScope::IsZero(Dim difference) {
  const Dim dim = Found(difference);
  if (!dim.is_symbol()) return std::int64_t{dim} == 0;
  if (IsNotNegative(dim - 1) || IsNotNegative(-1 - dim)) return false;
  const bool is_zero = ValueOf(dim, values_) == 0;
  Assume({dim, is_zero ? SizeGuard::Kind::kZero : SizeGuard::Kind::kNonZero});
  return is_zero;
}

bool SymbolScope::IsNegative(Dim difference) {
  const Dim dim = Found(difference);
  if (!dim.is_symbol()) return std::int64_t{dim} < 0;
  if (IsNotNegative(dim)) return false;
  if (IsNotNegative(-1 - dim)) return true;
  const bool is_negative = ValueOf(dim, values_) < 0;
  Assume({is_negative ? -1 - dim : dim, SizeGuard::Kind::kNotNegative});
  return is_negative;
}

std::int64_t SymbolScope::NumberOf(Dim dim) {
  const Dim found = Found(dim);
  const std::int64_t value = ValueOf(found, values_);
  if (found.is_symbol()) Assume({found - value, SizeGuard::Kind::kZero});
  return value;
}

const std::vector<Dim>& SymbolScope::AllNumbers() {
  for (std::size_t i = 0; i < symbols_.size(); ++i) NumberOf(symbols_[i]);
  return symbols_;
}

void SymbolScope::Replace(int symbol, Dim by) {
  all_are_themselves_ = false;
  symbols_[static_cast<std::size_t>(symbol)] = by;
  for (Dim& other : symbols_) other = Found(other);
}

void SymbolScope::Assume(const SizeGuard& guard) {
  proofs_.clear();
  if (!AssumeBound(guard) && std::find(guards_.begin(), guards_.end(), guard) == guards_.end())
    guards_.push_back(guard);
}

// Whether the guard is kept as what is known of its symbols.
bool SymbolScope::AssumeBound(const SizeGuard& guard) {
  // What a guard with one symbol, or the difference of two, says of them.
  std::int64_t offset = 0;
  std::vector<std::pair<int, std::int64_t>> linear;
  for (const auto& [factor, factors] : TermsOfSize(guard.value)) {
    if (factors.empty()) {
      offset = factor;
    } else if (factors.size() == 1 && factors[0].symbol() < Dim::kFirstExpression) {
      linear.emplace_back(factors[0].symbol(), factor);
    } else {
      return false;
    }
  }
  if (guard.kind == SizeGuard::Kind::kZero && linear.size() == 2 && offset == 0 &&
      linear[0].second == -linear[1].second) {
    Replace(std::max(linear[0].first, linear[1].first), Dim::Symbol(std::min(linear[0].first, linear[1].first)));
    return true;
  }
  if (linear.size() != 1) return false;
  const auto [symbol, factor] = linear[0];
  const auto i = static_cast<std::size_t>(symbol);
  if (guard.kind == SizeGuard::Kind::kZero) {
    Replace(symbol, values_[i]);
    return true;
  }
  if (guard.kind != SizeGuard::Kind::kNotNegative) return false;
  // factor * symbol + offset >= 0
  if (factor > 0)
    least_[i] = std::max(least_[i], -internal::FloorDivide(offset, factor));
  else
    most_[i] = std::min(most_[i], internal::FloorDivide(offset, -factor));
  if (least_[i] == most_[i]) Replace(symbol, values_[i]);
  return true;
}

std::vector<SizeGuard> SymbolScope::Guards() const {
  std::vector<SizeGuard> guards;
  const auto add = [&](const SizeGuard& guard) {
    const SizeGuard found{Found(guard.value), guard.kind};
    if (found.value.is_symbol() && std::find(guards.begin(), guards.end(), found) == guards.end())
      guards.push_back(found);
  };
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const Dim symbol = Dim::Symbol(static_cast<int>(i));
    if (least_[i] > known_least_[i]) add({symbol - least_[i], SizeGuard::Kind::kNotNegative});
    if (most_[i] < known_most_[i]) add({most_[i] - symbol, SizeGuard::Kind::kNotNegative});
  }
  for (const SizeGuard& guard : guards_) add(guard);
  return guards;
}

}  // namespace duet
