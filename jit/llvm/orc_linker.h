// LinkedCode: an object file in executable memory. The only door to ORC, which serves as linker and owner of the
// memory; code generation is ours.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace duet {

class LinkedCode {
 public:
  /// Links an object that has no undefined symbols. Thread-safe. Throws Error with ORC's text.
  explicit LinkedCode(std::string_view object);
  /// Frees the memory.
  ~LinkedCode();
  LinkedCode(const LinkedCode&) = delete;
  LinkedCode& operator=(const LinkedCode&) = delete;

  /// The address of a global function. Throws Error when the object has none of that name.
  template <class Function>
  Function Find(const std::string& symbol) const {
    return reinterpret_cast<Function>(Address(symbol));
  }

 private:
  void* Address(const std::string& symbol) const;

  struct Library;
  std::unique_ptr<Library> library_;
};

}  // namespace duet
