using namespace std::chrono_literals;
using namespace std;  // BAD
