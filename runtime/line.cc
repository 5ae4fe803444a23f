#include "runtime/line.h"

#include <cstring>
#include <mutex>
#include <unordered_set>

namespace duet {

const char* InternText(std::string_view text) {
  static std::mutex mutex;
  static auto* texts = new std::unordered_set<std::string>;  // never freed: lines outlive static destructors
  const std::lock_guard lock(mutex);
  return texts->emplace(text).first->c_str();
}
namespace {

thread_local Line t_scope_line;
thread_local const char* t_scope_composite = nullptr;

}  // namespace

bool operator==(const Line& a, const Line& b) {
  if (a.line != b.line) return false;
  if (a.file == b.file) return true;
  return a.file && b.file && std::strcmp(a.file, b.file) == 0;
}

std::string to_string(const Line& line) {
  if (!line.file) return "";
  return std::string(line.file) + ":" + std::to_string(line.line);
}

LineScope::LineScope(Line line, const char* composite) : outermost_(t_scope_line.file == nullptr) {
  if (!outermost_) return;
  t_scope_line = line;
  t_scope_composite = composite;
}

LineScope::~LineScope() {
  if (!outermost_) return;
  t_scope_line = Line();
  t_scope_composite = nullptr;
}

Line LineScope::Current(Line own) { return t_scope_line.file ? t_scope_line : own; }

std::string LineScope::CurrentOp(const std::string& own) { return t_scope_composite ? t_scope_composite : own; }

}  // namespace duet
