/* How the library's own functions are made visible to whoever loads it. */

#ifndef FANIN_PUBLIC_H
#define FANIN_PUBLIC_H

#ifdef _WIN32
#define PUBLIC __declspec(dllexport)
#else
#define PUBLIC __attribute__((visibility("default")))
#endif

#endif
