// Trees out of line: variables among arguments, descriptions, the members of structs.
#include <duet/tree.h>

#include <charconv>
#include <cstring>

#include "eager/variable_body.h"
#include "runtime/fail.h"
#include "runtime/tensor_body.h"

namespace duet::internal {

using Kind = Description::Item::Kind;

void FlatArguments::Add(const Variable& variable) { variables.push_back(variable.body()->id); }

void Description::Add(const Tensor& tensor) {
  items.push_back({Kind::kTensor, path, tensor.empty_handle() ? "empty" : to_string(tensor.body()->type)});
}

void Description::Add(const Variable& variable) {
  items.push_back({Kind::kVariable, path,
                   "variable " + variable.name() + " (id " + std::to_string(variable.body()->id) + ") " +
                       to_string(variable.body()->type)});
}

void Description::AddStatic(double number) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  items.push_back({Kind::kStatic, path, std::string(digits, end)});
}
void Description::AddStatic(std::int64_t number) { items.push_back({Kind::kStatic, path, std::to_string(number)}); }
void Description::AddStatic(const std::string& text) { items.push_back({Kind::kStatic, path, "\"" + text + "\""}); }

void Description::AddCount(std::size_t count, const char* what) {
  std::string text = std::to_string(count) + " " + what;
  if (count != 1) text = text.ends_with('y') ? text.substr(0, text.size() - 1) + "ies" : text + "s";
  // A path of its own beside that of the value of an optional.
  items.push_back({Kind::kCount, path + " holds", std::move(text)});
}

std::string NextMember(const char*& names) {
  while (*names == ' ' || *names == ',') ++names;
  const char* begin = names;
  while (*names && *names != ' ' && *names != ',') ++names;
  return std::string(begin, names);
}

void CheckMemberOrder(const char* names, std::initializer_list<const void*> addresses) {
  const void* last = nullptr;
  for (const void* address : addresses) {
    const std::string name = NextMember(names);
    if (address <= last)
      Fail<ValueError>("DUET_STRUCT", "list the fields in the order of their declaration: " + name + " is too late",
                       {});
    last = address;
  }
}

}  // namespace duet::internal
