#include "jit/retrace.h"

#include <algorithm>
#include <bit>
#include <map>
#include <mutex>

namespace duet::internal {
namespace {

using Item = Description::Item;
using Kind = Item::Kind;

constexpr std::size_t kShown = 4;
constexpr int kCalls = 8, kMisses = 5;  // as bits of RetraceHistory::recent_

// The items of `now` that were not there or not like this, each with what it was (no path: not there); then those that
// are gone.
template <class F>
void ForEachChange(const Description& was, const Description& now, F&& f) {
  std::map<std::string_view, const Item*> old;
  for (const Item& item : was.items) old[item.path] = &item;
  for (const Item& item : now.items) {
    const auto at = old.find(item.path);
    if (at == old.end()) {
      f(Item(), item);
      continue;
    }
    if (at->second->text != item.text || at->second->kind != item.kind) f(*at->second, item);
    old.erase(at);
  }
  for (const Item& item : was.items)
    if (old.contains(item.path)) f(item, Item());
}

// What to do about an argument that keeps changing.
std::string Cure(const Item& was, const Item& now) {
  switch (now.kind) {
    case Kind::kTensor:
      if (was.kind == Kind::kTensor && was.text.substr(0, was.text.find('[')) != now.text.substr(0, now.text.find('[')))
        return "cast it to one dtype before the call, or pass a number of one type";
      return "pad it to a few sizes, or declare the dimension that changes: "
             ".input_signature = {Spec{f32, {dynamic, 3}}}";
    case Kind::kStatic:
      return "make it a Tensor: a number given for a Tensor is no part of the signature";
    case Kind::kVariable:
      return "pass the same Variables each time, or their values as Tensors";
    case Kind::kCount:
      return "stack what it holds into one Tensor, or pass lists of few lengths";
  }
  return "";
}

// By line. Never freed: functions may outlive static objects.
struct ShortLives {
  static std::mutex& Mutex() {
    static auto* mutex = new std::mutex;
    return *mutex;
  }
  static int& OfLine(Line line) {
    static auto* counts = new std::map<std::string, int>;
    return (*counts)[to_string(line)];
  }
};

}  // namespace

std::string WhyTraced(const Description& was, const Description& now) {
  std::string why;
  std::size_t count = 0;
  ForEachChange(was, now, [&](const Item& before, const Item& after) {
    if (++count > kShown) return;
    const std::string& path = after.path.empty() ? before.path : after.path;
    why += (why.empty() ? "" : "; ") + ("argument " + path) + ": " + (before.path.empty() ? "new" : before.text) +
           " -> " + (after.path.empty() ? "gone" : after.text);
  });
  if (count > kShown) why += "; and " + std::to_string(count - kShown) + " more";
  return why;
}

std::string RetraceHistory::Miss(const std::string& name, Line defined, const Description* was, const Description& now,
                                 Line line) {
  recent_ = static_cast<std::uint8_t>(recent_ << 1 | 1);
  ++misses_;
  if (warned_) return "";
  if (was) {
    std::size_t count = 0;
    ForEachChange(*was, now, [&](const Item& before, const Item& after) {
      if (++count <= kShown && !after.path.empty()) changes_.push_back({before, after, line});
    });
  }
  if (std::popcount(recent_) < kMisses || changes_.empty()) return "";
  warned_ = true;
  std::map<std::string, int> often;
  for (const Change& change : changes_) ++often[change.now.path];
  // The one that changed most often; of several the one that comes first. It is shown as it changed last.
  const Change* worst = &changes_.front();
  for (const Change& change : changes_)
    if (often[change.now.path] > often[worst->now.path] || change.now.path == worst->now.path) worst = &change;
  std::string text = "duet: " + name + " (" + to_string(defined) + ") was traced for " + std::to_string(kMisses) +
                     " of its last " + std::to_string(kCalls) + " calls; a trace costs far more than a call.\n" +
                     "  argument " + worst->now.path +
                     " keeps changing: " + (worst->was.path.empty() ? "new" : worst->was.text) + " -> " +
                     worst->now.text + " at " + to_string(worst->line) + "\n  " + Cure(worst->was, worst->now) + "\n";
  changes_.clear();
  changes_.shrink_to_fit();
  return text;
}

void CountShortLife(Line defined) {
  if (!defined.file) return;
  const std::lock_guard lock(ShortLives::Mutex());
  ++ShortLives::OfLine(defined);
}

std::string WarningOfShortLives(const std::string& name, Line defined) {
  if (!defined.file) return "";
  const std::lock_guard lock(ShortLives::Mutex());
  int& count = ShortLives::OfLine(defined);
  if (count != kMisses - 1) return "";
  ++count;  // warned
  return "duet: " + name + " (" + to_string(defined) + ") was made " + std::to_string(kMisses) +
         " times and traced for one call or two; a trace costs far more than a call.\n"
         "  Make the function once, outside the loop or as a static, and call that\n";
}

}  // namespace duet::internal
