// A folder that is no layer: BAD
