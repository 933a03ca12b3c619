<?php

// Loads the kit where there is no Composer: phpunit --bootstrap autoload.php

spl_autoload_register(function (string $class): void {
    if (str_starts_with($class, 'PayonSim\\')) {
        require __DIR__ . '/src/' . substr($class, strlen('PayonSim\\')) . '.php';
    }
});
