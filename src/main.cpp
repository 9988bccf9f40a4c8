#include "app/commands.h"

int main(int argc, char** argv) {
  return saesweep::app::run_program({argv + 1, argv + argc});
}
