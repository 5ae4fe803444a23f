#include "runtime/symbols.h"

#include <absl/container/flat_hash_map.h>
#include <duet/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

namespace duet {
namespace {

// Symbols and quotients, by their Dim's number, sorted.
using Product = std::vector<int>;
// The number is the term of the empty product.
using Polynomial = std::map<Product, std::int64_t>;

using Quotient = SizeQuotient;

// Every expression once; what a Dim's number from kFirstExpression on counts.
class Expressions {
 public:
  static Expressions& Get() {
    static Expressions* all = new Expressions;
    return *all;
  }

  Polynomial Terms(Dim dim) {
    if (!dim.is_symbol()) return dim.same(0) ? Polynomial() : Polynomial{{{}, std::int64_t{dim}}};
    if (dim.symbol() < Dim::kFirstExpression) return {{{dim.symbol()}, 1}};
    std::lock_guard lock(mutex_);
    return At(dim.symbol()).terms;
  }

  Quotient QuotientOf(int atom) {
    if (atom < Dim::kFirstExpression) return {};
    std::lock_guard lock(mutex_);
    return At(atom).quotient;
  }

  Dim FromTerms(const Polynomial& terms) {
    if (terms.empty()) return 0;
    if (terms.size() == 1) {
      const auto& [product, factor] = *terms.begin();
      if (product.empty()) return factor;
      if (product.size() == 1 && factor == 1) return Dim::Symbol(product[0]);
    }
    std::vector<std::int64_t> key;
    for (const auto& [product, factor] : terms) {
      key.push_back(static_cast<std::int64_t>(product.size()));
      key.insert(key.end(), product.begin(), product.end());
      key.push_back(factor);
    }
    std::lock_guard lock(mutex_);
    const auto [at, made] = numbers_.try_emplace(std::move(key), 0);
    if (made) at->second = Add({terms, {}});
    return Dim::Symbol(at->second);
  }

  Dim FromQuotient(Dim numerator, std::int64_t divisor) {
    assert(numerator.is_symbol());
    std::lock_guard lock(mutex_);
    const auto [at, made] = numbers_.try_emplace(std::vector<std::int64_t>{-1, numerator.symbol(), divisor}, 0);
    if (made) {
      at->second = Add({{}, {numerator, divisor}});
      expressions_.back().terms = {{{at->second}, 1}};
    }
    return Dim::Symbol(at->second);
  }

 private:
  struct Expression {
    Polynomial terms;
    Quotient quotient;
  };

  int Add(Expression expression) {
    expressions_.push_back(std::move(expression));
    return Dim::kFirstExpression + static_cast<int>(expressions_.size()) - 1;
  }
  const Expression& At(int number) const {
    return expressions_[static_cast<std::size_t>(number - Dim::kFirstExpression)];
  }

  std::mutex mutex_;
  std::deque<Expression> expressions_;
  absl::flat_hash_map<std::vector<std::int64_t>, int> numbers_;
};

Polynomial TermsOf(Dim dim) { return Expressions::Get().Terms(dim); }
Dim DimOf(const Polynomial& terms) { return Expressions::Get().FromTerms(terms); }
Quotient QuotientOf(int atom) { return Expressions::Get().QuotientOf(atom); }

[[noreturn, gnu::cold]] void ThrowTooLarge() { throw OutOfMemoryError("a size exceeds memory"); }

void AddTerm(Polynomial& to, const Product& product, std::int64_t factor) {
  const auto at = to.try_emplace(product, 0).first;
  if (__builtin_add_overflow(at->second, factor, &at->second)) ThrowTooLarge();
  if (at->second == 0) to.erase(at);
}

Polynomial Sum(const Polynomial& a, const Polynomial& b, std::int64_t factor) {
  Polynomial sum = a;
  for (const auto& [product, number] : b) AddTerm(sum, product, number * factor);
  return sum;
}

Polynomial Times(const Polynomial& a, const Polynomial& b) {
  Polynomial result;
  for (const auto& [p, x] : a)
    for (const auto& [q, y] : b) {
      Product product;
      std::merge(p.begin(), p.end(), q.begin(), q.end(), std::back_inserter(product));
      std::int64_t factor;
      if (__builtin_mul_overflow(x, y, &factor)) ThrowTooLarge();
      AddTerm(result, product, factor);
    }
  return result;
}

Dim Divide(Dim a, Dim b) {
  if (b.is_symbol())
    if (const WholeDivision whole = DivideWhole(a, b); whole.remainder.same(0)) return whole.quotient;
  const std::int64_t divisor = b;  // asks the trace where it is a symbol
  if (divisor <= 0 || !a.is_symbol()) return internal::FloorDivide(a, divisor);
  // What divides leaves the quotient: (4*s0+3)/2 = 2*s0+3/2 = 2*s0+1.
  Polynomial whole, rest;
  for (const auto& [product, factor] : TermsOf(a)) {
    const std::int64_t out = internal::FloorDivide(factor, divisor);
    if (out != 0 && (factor % divisor == 0 || product.empty())) {
      whole[product] = out;
      if (const std::int64_t left = factor - out * divisor) rest[product] = left;
    } else {
      rest[product] = factor;
    }
  }
  const Dim remaining = DimOf(rest);
  if (!remaining.is_symbol()) return DimOf(whole);  // 0 <= remaining < divisor
  return DimOf(Sum(whole, TermsOf(Expressions::Get().FromQuotient(remaining, divisor)), 1));
}

// The polynomial with `atom` replaced.
template <class F>
Dim Map(Dim dim, F&& atom) {
  if (!dim.is_symbol()) return dim;
  Polynomial result;
  for (const auto& [product, factor] : TermsOf(dim)) {
    Polynomial term{{{}, factor}};
    for (const int a : product) term = Times(term, TermsOf(atom(a)));
    result = Sum(result, term, 1);
  }
  return DimOf(result);
}

// What a size is at least when symbol i is at least `least(i)`, where that is easy to see: symbols are their least
// value and something not negative; where no term but the number is negative then, the number is the answer.
template <class F>
bool IsNotNegative(Dim dim, const F& least);

template <class F>
std::optional<std::int64_t> LeastOf(Dim dim, const F& least) {
  for (const auto& [product, factor] : TermsOf(dim))
    for (const int atom : product)
      if (const Quotient quotient = QuotientOf(atom); quotient.divisor && !IsNotNegative(quotient.numerator, least))
        return std::nullopt;
  const Dim raised = Map(dim, [&](int atom) -> Dim {
    return atom < Dim::kFirstExpression ? Dim::Symbol(atom) + least(atom) : Dim::Symbol(atom);
  });
  std::int64_t number = 0;
  for (const auto& [product, factor] : TermsOf(raised)) {
    if (product.empty())
      number = factor;
    else if (factor < 0)
      return std::nullopt;
  }
  return number;
}

// The same, by way of d * (n / d), which lies between n - d + 1 and n.
template <class F>
bool IsNotNegative(Dim dim, const F& least) {
  if (!dim.is_symbol()) return std::int64_t{dim} >= 0;
  for (const auto& [product, factor] : TermsOf(dim)) {
    const Quotient quotient = product.size() == 1 ? QuotientOf(product[0]) : Quotient();
    if (quotient.divisor == 0) continue;
    const Dim rest = dim - Dim::Symbol(product[0]) * factor;
    const Dim bound = factor < 0 ? quotient.numerator : quotient.numerator - (quotient.divisor - 1);
    if (IsNotNegative(rest * quotient.divisor + bound * factor, least)) return true;
    const std::optional<std::int64_t> numerator = LeastOf(quotient.numerator, least);
    return factor > 0 && numerator.value_or(-1) >= 0 &&
           IsNotNegative(rest + *numerator / quotient.divisor * factor, least);
  }
  return LeastOf(dim, least).value_or(-1) >= 0;
}

std::int64_t LeastOfAny(int) { return kMinSymbol; }

thread_local SymbolScope* t_scope = nullptr;

SymbolScope& Scope(Dim dim) {
  if (!t_scope) throw TraceError(fmt::format("the size {} is not known while tracing", to_string(dim)));
  return *t_scope;
}

}  // namespace

Dim internal::OfSymbols(DimOp op, Dim a, Dim b) {
  switch (op) {
    case DimOp::kAdd:
      return DimOf(Sum(TermsOf(a), TermsOf(b), 1));
    case DimOp::kSubtract:
      return DimOf(Sum(TermsOf(a), TermsOf(b), -1));
    case DimOp::kMultiply:
      return DimOf(Times(TermsOf(a), TermsOf(b)));
    case DimOp::kDivide:
      return Divide(a, b);
  }
  __builtin_unreachable();
}

WholeDivision DivideWhole(Dim dim, Dim divisor) {
  if (!dim.is_symbol() && !divisor.is_symbol()) {
    const std::int64_t quotient = internal::FloorDivide(dim, divisor);
    return {quotient, std::int64_t{dim} - quotient * std::int64_t{divisor}};
  }
  if (divisor.same(0)) return {0, dim};
  // Long division, by the term of the highest degree.
  const Polynomial by = TermsOf(divisor);
  const auto highest = [](const Polynomial& terms) {
    return std::max_element(terms.begin(), terms.end(), [](const auto& p, const auto& q) {
      return std::pair(p.first.size(), p.first) < std::pair(q.first.size(), q.first);
    });
  };
  const auto& [factors, number] = *highest(by);
  Polynomial rest = TermsOf(dim), quotient, remainder;
  constexpr int kMostSteps = 64;
  for (int step = 0; !rest.empty(); ++step) {
    if (step == kMostSteps) return {0, dim};
    const auto [product, factor] = *highest(rest);
    if (factor % number != 0 || !std::includes(product.begin(), product.end(), factors.begin(), factors.end())) {
      remainder[product] = factor;
      rest.erase(product);
      continue;
    }
    Product left;
    std::set_difference(product.begin(), product.end(), factors.begin(), factors.end(), std::back_inserter(left));
    const Polynomial part{{left, factor / number}};
    quotient = Sum(quotient, part, 1);
    rest = Sum(rest, Times(part, by), -1);
  }
  return {DimOf(quotient), DimOf(remainder)};
}

bool IsNeverNegative(Dim dim) {
  if (!dim.is_symbol()) return std::int64_t{dim} >= 0;
  return t_scope ? t_scope->IsNotNegative(dim) : ::duet::IsNotNegative(dim, LeastOfAny);
}

std::int64_t LikelySize(Dim dim) { return dim.is_symbol() ? Scope(dim).Likely(dim) : std::int64_t{dim}; }

std::vector<SizeTerm> TermsOfSize(Dim dim) {
  std::vector<SizeTerm> terms;
  for (const auto& [product, factor] : TermsOf(dim)) {
    terms.push_back({factor, {}});
    for (const int atom : product) terms.back().factors.push_back(Dim::Symbol(atom));
  }
  return terms;
}

SizeQuotient QuotientOfSize(Dim factor) { return QuotientOf(factor.symbol()); }

bool internal::EqualOfSymbols(Dim a, Dim b) { return t_scope && t_scope->IsZero(a - b); }
bool internal::LessOfSymbols(Dim a, Dim b, bool or_equal) {
  if (!t_scope) {
    const Dim not_less = or_equal ? a - b - 1 : a - b, less = -1 - not_less;
    if (::duet::IsNotNegative(less, LeastOfAny)) return true;
    if (::duet::IsNotNegative(not_less, LeastOfAny)) return false;
  }
  SymbolScope& scope = Scope(a.is_symbol() ? a : b);
  return or_equal ? !scope.IsNegative(b - a) : scope.IsNegative(a - b);
}

std::int64_t Dim::NumberOfSymbol() const { return Scope(*this).NumberOf(*this); }

std::int64_t ValueOf(Dim dim, std::span<const std::int64_t> values) {
  if (!dim.is_symbol()) return dim;
  if (dim.symbol() < Dim::kFirstExpression) return values[static_cast<std::size_t>(dim.symbol())];
  return Map(dim, [&](int atom) -> Dim {
    const Quotient quotient = QuotientOf(atom);
    if (quotient.divisor == 0) return values[static_cast<std::size_t>(atom)];
    return internal::FloorDivide(ValueOf(quotient.numerator, values), quotient.divisor);
  });
}

Dim Substitute(Dim dim, std::span<const Dim> symbols) {
  if (!dim.is_symbol()) return dim;
  return Map(dim, [&](int atom) -> Dim {
    const Quotient quotient = QuotientOf(atom);
    if (quotient.divisor) return Divide(Substitute(quotient.numerator, symbols), quotient.divisor);
    const auto i = static_cast<std::size_t>(atom);
    return i < symbols.size() ? symbols[i] : Dim::Symbol(atom);
  });
}

Shape Substitute(const Shape& shape, std::span<const Dim> symbols) {
  Shape result = shape;
  for (Dim& dim : result)
    if (dim.is_symbol()) dim = Substitute(dim, symbols);
  return result;
}

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

std::string to_string(Dim dim) {
  if (dim.same(dynamic)) return "?";
  if (!dim.is_symbol()) return fmt::format("{}", std::int64_t{dim});
  std::string text;
  const Polynomial terms = TermsOf(dim);
  for (auto at = terms.rbegin(); at != terms.rend(); ++at) {  // the number last
    const auto& [product, factor] = *at;
    text += factor < 0 ? "-" : text.empty() ? "" : "+";
    const std::int64_t size = factor < 0 ? -factor : factor;
    if (product.empty() || size != 1) text += std::to_string(size);
    for (std::size_t i = 0; i < product.size(); ++i) {
      if (i > 0 || size != 1) text += '*';
      const Quotient quotient = QuotientOf(product[i]);
      if (quotient.divisor == 0) {
        text += 's' + std::to_string(product[i]);
        continue;
      }
      const std::string numerator = to_string(quotient.numerator);
      const bool simple = quotient.numerator.symbol() < Dim::kFirstExpression;
      text += (simple ? numerator : "(" + numerator + ")") + "/" + std::to_string(quotient.divisor);
    }
  }
  return text;
}

std::string to_string(const SizeGuard& guard) {
  // Terms with a minus stand on the right, unless that is where all symbols would be.
  Polynomial left, right;
  for (const auto& [product, factor] : TermsOf(guard.value)) (factor > 0 ? left : right)[product] = std::abs(factor);
  const bool turned = !DimOf(left).is_symbol();
  if (turned) std::swap(left, right);
  const char* relation = guard.kind == SizeGuard::Kind::kZero      ? "=="
                         : guard.kind == SizeGuard::Kind::kNonZero ? "!="
                         : turned                                  ? "<="
                                                                   : ">=";
  return fmt::format("{} {} {}", to_string(DimOf(left)), relation, to_string(DimOf(right)));
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

Dim SymbolScope::Found(Dim dim) const { return Substitute(dim, symbols_); }

bool SymbolScope::IsNotNegative(Dim dim) const {
  const auto least = [&](int symbol) { return least_[static_cast<std::size_t>(symbol)]; };
  if (::duet::IsNotNegative(dim, least)) return true;
  // More than something that is not negative.
  for (const std::vector<SizeGuard>* guards : {&known_, &guards_})
    for (const SizeGuard& guard : *guards)
      if (guard.kind == SizeGuard::Kind::kNotNegative && ::duet::IsNotNegative(dim - Found(guard.value), least))
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
  symbols_[static_cast<std::size_t>(symbol)] = by;
  for (Dim& other : symbols_) other = Found(other);
}

void SymbolScope::Assume(const SizeGuard& guard) {
  if (!AssumeBound(guard) && std::find(guards_.begin(), guards_.end(), guard) == guards_.end())
    guards_.push_back(guard);
}

// Whether the guard is kept as what is known of its symbols.
bool SymbolScope::AssumeBound(const SizeGuard& guard) {
  // What a guard with one symbol, or the difference of two, says of them.
  const Polynomial terms = TermsOf(guard.value);
  std::int64_t offset = 0;
  std::vector<std::pair<int, std::int64_t>> linear;
  for (const auto& [product, factor] : terms) {
    if (product.empty()) {
      offset = factor;
    } else if (product.size() == 1 && product[0] < Dim::kFirstExpression) {
      linear.emplace_back(product[0], factor);
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
