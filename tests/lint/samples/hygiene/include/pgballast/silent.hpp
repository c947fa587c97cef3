#pragma once  // BAD: nothing says what this header is for, and the comment hides the pragma

int answer();
