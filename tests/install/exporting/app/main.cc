// Uses parley only by way of the greeter library.

#include <iostream>

#include "greeter.h"

int main() {
  std::cout << greeter::Greet().text() << greeter::Runs() << "\n";
  return 0;
}
