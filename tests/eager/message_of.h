// MessageOf<Kind>(f): the text of the Kind that f throws; another text when it throws none or another kind.
#pragma once

#include <duet/error.h>

#include <string>
#include <typeinfo>

namespace duet {

template <class Kind, class F>
std::string MessageOf(F&& f) {
  try {
    f();
  } catch (const Kind& error) {
    if (typeid(error) != typeid(Kind)) return std::string("another kind: ") + error.what();
    return error.what();
  } catch (const std::exception& error) {
    return std::string("another kind: ") + error.what();
  }
  return "nothing was thrown";
}

}  // namespace duet
