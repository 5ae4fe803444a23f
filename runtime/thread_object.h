// ThreadObject: what a thread keeps from call to call, for as long as it runs code. The thread_local objects of the
// thread that ends a program are gone before static objects are, whose destructors may still compute.
#pragma once

#include <utility>

namespace duet {

template <class T>
class ThreadObject {
 public:
  /// The calling thread's only T. One that is made while the program ends stays.
  static T& Get() {
    if (!t_object) {
      static thread_local const Owner owner;
      t_object = new T;
    }
    return *t_object;
  }

 private:
  struct Owner {
    Owner() {}
    ~Owner() { delete std::exchange(t_object, nullptr); }
  };
  static inline thread_local T* t_object = nullptr;
};

}  // namespace duet
