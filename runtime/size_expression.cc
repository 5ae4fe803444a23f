#include "runtime/size_expression.h"

#include <absl/container/flat_hash_map.h>
#include <duet/error.h>
#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <deque>
#include <iterator>
#include <map>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>

namespace duet {
namespace {

// Symbols and quotients, by their Dim's number, sorted.
using Product = std::vector<int>;
// The number is the term of the empty product.
using Polynomial = std::map<Product, std::int64_t>;

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

  SizeQuotient QuotientOf(int atom) {
    if (atom < Dim::kFirstExpression) return {};
    std::lock_guard lock(mutex_);
    return At(atom).quotient;
  }

  /// What `compute` gives for an operation, computed once.
  template <class F>
  Dim Remember(internal::DimOp op, Dim a, Dim b, const F& compute) {
    const auto number = [](Dim dim) {
      return std::pair(dim.is_symbol(), dim.is_symbol() ? dim.symbol() : std::int64_t{dim});
    };
    const auto key = std::tuple(op, number(a), number(b));
    {
      std::lock_guard lock(mutex_);
      if (const auto at = operations_.find(key); at != operations_.end()) return at->second;
    }
    const Dim result = compute();
    std::lock_guard lock(mutex_);
    operations_.emplace(key, result);
    return result;
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
    SizeQuotient quotient;
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
  using Number = std::pair<bool, std::int64_t>;  // of a Dim: whether it is a symbol, and which, or the number
  absl::flat_hash_map<std::tuple<internal::DimOp, Number, Number>, Dim> operations_;
};

Polynomial TermsOf(Dim dim) { return Expressions::Get().Terms(dim); }
Dim DimOf(const Polynomial& terms) { return Expressions::Get().FromTerms(terms); }
SizeQuotient QuotientOf(int atom) { return Expressions::Get().QuotientOf(atom); }

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

}  // namespace

Dim internal::OfSymbols(DimOp op, Dim a, Dim b) {
  const auto compute = [&] {
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
  };
  const bool may_ask = op == DimOp::kDivide && b.is_symbol();
  return may_ask ? compute() : Expressions::Get().Remember(op, a, b, compute);
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

std::vector<SizeTerm> TermsOfSize(Dim dim) {
  std::vector<SizeTerm> terms;
  for (const auto& [product, factor] : TermsOf(dim)) {
    terms.push_back({factor, {}});
    for (const int atom : product) terms.back().factors.push_back(Dim::Symbol(atom));
  }
  return terms;
}

SizeQuotient QuotientOfSize(Dim factor) { return QuotientOf(factor.symbol()); }

std::int64_t ValueOf(Dim dim, std::span<const std::int64_t> values) {
  if (!dim.is_symbol()) return dim;
  if (dim.symbol() < Dim::kFirstExpression) return values[static_cast<std::size_t>(dim.symbol())];
  std::int64_t sum = 0;
  for (const auto& [product, factor] : TermsOf(dim)) {
    std::int64_t term = factor;
    for (const int atom : product) {
      const SizeQuotient quotient = QuotientOf(atom);
      const std::int64_t value = quotient.divisor == 0
                                     ? values[static_cast<std::size_t>(atom)]
                                     : internal::FloorDivide(ValueOf(quotient.numerator, values), quotient.divisor);
      if (__builtin_mul_overflow(term, value, &term)) ThrowTooLarge();
    }
    if (__builtin_add_overflow(sum, term, &sum)) ThrowTooLarge();
  }
  return sum;
}

Dim Substitute(Dim dim, std::span<const Dim> symbols) {
  if (!dim.is_symbol()) return dim;
  const auto value_of = [&](int atom) -> Dim {
    const SizeQuotient quotient = QuotientOf(atom);
    if (quotient.divisor) return Divide(Substitute(quotient.numerator, symbols), quotient.divisor);
    const auto i = static_cast<std::size_t>(atom);
    return i < symbols.size() ? symbols[i] : Dim::Symbol(atom);
  };
  if (dim.symbol() < Dim::kFirstExpression) return value_of(dim.symbol());
  Polynomial result;
  for (const auto& [product, factor] : TermsOf(dim)) {
    Polynomial term{{{}, factor}};
    for (const int atom : product) term = Times(term, TermsOf(value_of(atom)));
    result = Sum(result, term, 1);
  }
  return DimOf(result);
}

Shape Substitute(const Shape& shape, std::span<const Dim> symbols) {
  Shape result = shape;
  for (Dim& dim : result)
    if (dim.is_symbol()) dim = Substitute(dim, symbols);
  return result;
}

bool AreThemselves(std::span<const Dim> symbols) {
  for (std::size_t i = 0; i < symbols.size(); ++i)
    if (!symbols[i].same(Dim::Symbol(static_cast<int>(i)))) return false;
  return true;
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
      const SizeQuotient quotient = QuotientOf(product[i]);
      if (quotient.divisor == 0) {
        text += 's' + std::to_string(product[i]);
        continue;
      }
      const std::string numerator = to_string(quotient.numerator);
      const bool simple = quotient.numerator.symbol() < Dim::kFirstExpression;
      const std::string divided = (simple ? numerator : "(" + numerator + ")") + "/" + std::to_string(quotient.divisor);
      // As a factor it is rounded down first: 2*(s0/2) is not 2*s0/2.
      text += product.size() == 1 && size == 1 ? divided : "(" + divided + ")";
    }
  }
  return text;
}

}  // namespace duet
