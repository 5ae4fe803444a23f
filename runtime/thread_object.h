// ThreadObject: what a thread keeps from call to call, for as long as it runs code: destructors of static objects may
// still compute when a thread's thread_local objects are gone. Nor does making one wait for the loader, as a
// thread_local object with a destructor does while the compiler is loaded (glibc registers those under the loader's
// lock).
#pragma once

#include <pthread.h>

#include <cstdlib>

namespace duet {

template <class T>
class ThreadObject {
 public:
  /// The calling thread's only T. That of the thread that ends the program stays.
  static T& Get() {
    if (!t_object) {
      t_object = new T;
      if (pthread_setspecific(Key(), t_object) != 0) std::abort();
    }
    return *t_object;
  }

 private:
  static pthread_key_t Key() {
    static const pthread_key_t key = [] {
      pthread_key_t made;
      if (pthread_key_create(&made, &End) != 0) std::abort();
      return made;
    }();
    return key;
  }
  static void End(void* object) {
    t_object = nullptr;
    delete static_cast<T*>(object);
  }

  static inline thread_local T* t_object = nullptr;
};

}  // namespace duet
