#include "tests/sweep/ledger.h"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>

namespace duet {
namespace {

const char* const kPath = DUET_SOURCE_DIR "/tests/sweep/ledger.txt";

class Ledger {
 public:
  static Ledger& Get() {
    static Ledger ledger;
    return ledger;
  }

  std::string Check(const std::string& key, const std::string& hash) {
    std::string& row = rows_[key];
    if (row == hash) return "";
    const std::string was = row.empty() ? "not in it" : row;
    if (!bless_) return "the ledger has " + was + ", not " + hash + ": if that is meant, DUET_BLESS=1 writes it anew";
    row = hash;
    Write();
    return "";
  }

 private:
  Ledger() : bless_(std::getenv("DUET_BLESS") != nullptr) {
    std::ifstream in(kPath);
    std::string op, dtype, hash;
    while (in >> op >> dtype >> hash) rows_[op + " " + dtype] = hash;
  }

  void Write() const {
    std::ofstream out(kPath);
    for (const auto& [key, hash] : rows_) out << key << ' ' << hash << '\n';
  }

  bool bless_;
  std::map<std::string, std::string> rows_;
};

}  // namespace

std::string CheckLedger(const std::string& key, std::uint64_t hash) {
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hash));
  return Ledger::Get().Check(key, text);
}

}  // namespace duet
