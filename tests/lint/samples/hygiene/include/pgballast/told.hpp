// What a well-behaved header looks like.
#pragma once

int answer();  // TODO BAD
