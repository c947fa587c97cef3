std::this_thread::sleep_for(10ms);  // BAD
usleep(10);                         // BAD
sleeper.wake();
