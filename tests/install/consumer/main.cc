// The program that every consumer project builds and runs.

#include <iostream>

#include "echo.pb.h"
#include "parley/version.h"

int main() {
  consumer::Text text;
  text.set_text("hello from ");
  std::cout << text.text() << parley::Version() << "\n";
  return 0;
}
